import { spawnSync } from 'node:child_process'

/** A line that somebody types, and what the document says they see. */
export interface Example {
  readonly command: string
  readonly output: string
}

const MARK = '@@@ next example'

/** The examples of a document in their order: each `$ …` in its console blocks, with what stands below it. */
export function examplesOf(markdown: string): readonly Example[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const [command = '', ...output] = example.split('\n')
        return { command, output: output.join('\n').trimEnd() }
      }),
  )
}

/** What each command line really shows, typed one after the other into one shell, in a terminal of 100 columns. */
export function shownBy(commands: readonly string[], program: string, folder: string): readonly string[] {
  const script = [
    `sojourn() { ${program} "$@"; }`,
    // `$?` is part of what is shown, so the mark must not change it.
    `mark() { local code=$?; echo '${MARK}'; return $code; }`,
    ...commands.flatMap((command) => ['mark', command]),
  ].join('\n')
  const { stdout } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], COLUMNS: '100', TZ: process.env['TZ'] },
  })
  return stdout
    .split(`${MARK}\n`)
    .slice(1)
    .map((output) => output.trimEnd())
}

/** A text without what differs from run to run and from machine to machine. */
export function withoutChance(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, '.<secret>')
    .replaceAll(/(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])/g, '<key>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{3})?)?Z/g, '<instant>')
    .replaceAll(/cli:[^\s",]+/g, 'cli:<account>')
    .replaceAll(/sojourn-cli\/\d[^"\s]*/g, 'sojourn-cli/<version>')
    .replaceAll(/\/[^\s'"]*\/sojourn\.db/g, '<path>/sojourn.db')
    .replaceAll(/"position":\s*\d+/g, '"position": <position>')
    .replaceAll(/"checksum":\s*"[0-9a-f]+"/g, '"checksum": "<checksum>"')
    .replaceAll(/ +/g, ' ')
}
