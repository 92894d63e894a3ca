import type { ContractCase } from './contract-case.ts'
import { eventCases } from './contract/events.ts'
import { factCases } from './contract/facts.ts'
import { copyCases } from './contract/copies.ts'
import { forgetCases } from './contract/forget.ts'
import { hintCases } from './contract/hints.ts'
import { insertCases } from './contract/insert.ts'
import { claimCases } from './contract/claims.ts'
import { listCases } from './contract/list.ts'
import { pruneCases } from './contract/prune.ts'
import { revokeCases } from './contract/revoke.ts'
import { touchCases } from './contract/touch.ts'
import { updateCases } from './contract/update.ts'

/**
 * What every store of sessions must do, sentence by sentence. Needs no test runner: a case rejects when the
 * sentence does not hold.
 */
export const storeContract: readonly ContractCase[] = [
  ...insertCases,
  ...touchCases,
  ...updateCases,
  ...revokeCases,
  ...listCases,
  ...pruneCases,
  ...eventCases,
  ...factCases,
  ...claimCases,
  ...forgetCases,
  ...copyCases,
  ...hintCases,
]
