/** Steps along these, either way, are no choice of the one who types. */
const RUNS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '1qaz',
  '2wsx',
  '3edc',
  '4rfv',
  '5tgb',
  '6yhn',
  '7ujm',
]
const STEPS: ReadonlySet<string> = new Set(
  RUNS.flatMap((run) => [...steps(run), ...steps(Array.from(run).toReversed().join(''))]),
)
/** No rule allows a password below this, so a shorter one repeated, or listed, is no news. */
const SHORTEST = 8

let listed: Promise<ReadonlySet<string>> | null = null

/**
 * Passwords that many people use, in lower case: the 18,000 of at least 8 characters in the optional package
 * `@zxcvbn-ts/language-common`, and none where it is not installed. Loaded when first asked for (about 70 ms, once).
 */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  listed ??= load()
  return listed
}

/** Whether a password in lower case is a repetition, or follows the alphabet, the digits or the keyboard nearly all the way. */
export function isPredictable(lower: string): boolean {
  const characters = Array.from(lower)
  return isRepetition(characters) || isWalk(characters)
}

async function load(): Promise<ReadonlySet<string>> {
  try {
    const { dictionary } = await import('@zxcvbn-ts/language-common')
    const words = dictionary['passwords-common'].filter((word) => word.length >= SHORTEST)
    return new Set(words.map((word) => word.toLowerCase()))
  } catch {
    return new Set()
  }
}

/** Whether fewer characters than make a password are repeated throughout. The last repetition may be cut short. */
function isRepetition(characters: readonly string[]): boolean {
  for (let unit = 1; unit < SHORTEST && unit * 2 <= characters.length; unit += 1) {
    if (characters.every((character, place) => place < unit || character === characters[place - unit])) return true
  }
  return false
}

/** Whether at most one step in four is a choice. */
function isWalk(characters: readonly string[]): boolean {
  const followed = characters.slice(1).filter((character, before) => {
    const from = characters[before]!
    return character === from || STEPS.has(from + character)
  })
  return followed.length >= (characters.length - 1) * 0.75
}

function steps(run: string): string[] {
  return Array.from(run.slice(1), (character, before) => run[before]! + character)
}
