import { newTokenOf } from './client.ts'
import { PASSWORD, withServer } from './site.ts'
import type { StartServer, Trial, TrialOptions } from './site.ts'

/**
 * One sentence of the contract and how it is tried, over real HTTP. Any test runner can hold it:
 * `for (const { name, run } of adapterContract) test(name, () => run(start))`.
 */
export interface AdapterCase {
  /** The sentence that holds if `run` fulfils. */
  readonly name: string
  /** Starts a server of its own, tries it and closes it. Rejects with what was expected and what was found. */
  readonly run: (start: StartServer) => Promise<void>
}

/** A case of the contract. */
export function adapterCase(
  name: string,
  attempt: (trial: Trial) => Promise<void>,
  options: TrialOptions = {},
): AdapterCase {
  return { name, run: (start) => withServer(start, options, attempt) }
}

/** Signs a user in and answers with the token. */
export async function signIn({ client, at }: Trial, username = 'ada'): Promise<string> {
  return newTokenOf(await client.post(at('/auth/login'), { body: { username, password: PASSWORD } }))
}
