import { beforeEach, describe, expect, test } from 'vitest'
import { NETWORKED_ENGINES } from '../support/networked-engines.ts'
import { figure, found } from '../support/proof.ts'
import { required } from '../support/require.ts'
import { engineKills } from './support/engine-kills.ts'
import { Fleet } from './support/fleet.ts'

/** How often an engine is killed; others by `SOJOURN_ENGINE_KILLS=300`. */
const KILLS = Number(process.env['SOJOURN_ENGINE_KILLS'] ?? 3)
/** Within how many kills the planted setting must be found out. */
const TEETH = 12
const NODES = 3

describe.each(NETWORKED_ENGINES)(
  '$name that is killed while people log in and out',
  ({ name, program, needs, start }) => {
    beforeEach((context) => void required(context, program, needs))

    test(
      'loses no acknowledged login and undoes no acknowledged logout',
      { timeout: 60_000 + KILLS * 5_000 },
      async () => {
        const engine = await start()
        try {
          await using fleet = await Fleet.open(engine, NODES)
          const report = await engineKills(engine, fleet, KILLS)
          found({
            claim: `${name}: what was acknowledged survives kill -9 of the server`,
            tried: `${figure(report.kills)} kills, ${figure(report.acknowledged)} acknowledgements on ${NODES} nodes`,
            found: `${report.lostLogins} logins lost, ${report.undoneLogouts} logouts undone, ${report.untoldDeeds} lines of history missing or too many`,
          })
          expect(report).toMatchObject({ lostLogins: 0, undoneLogouts: 0, untoldDeeds: 0 })
          expect(report.acknowledged).toBeGreaterThan(KILLS)
        } finally {
          await engine.close()
        }
      },
    )

    test('and that acknowledges before it has written is found out', { timeout: 120_000 }, async () => {
      const engine = await start({ isForgetful: true })
      try {
        await using fleet = await Fleet.open(engine, NODES)
        const report = await engineKills(engine, fleet, TEETH, ({ lostLogins }) => lostLogins > 0)
        found({
          claim: `${name}: the same with acknowledge-before-commit planted in its settings`,
          tried: `${figure(report.kills)} kills, ${figure(report.acknowledged)} acknowledgements`,
          found: `${report.lostLogins} logins lost: found out`,
        })
        expect(report.lostLogins).toBeGreaterThan(0)
      } finally {
        await engine.close()
      }
    })
  },
)
