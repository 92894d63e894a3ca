import { apiKeyCases } from './contract/api-keys.ts'
import type { ContractCase } from './contract-case.ts'

/** What every store of keys of programs must do, sentence by sentence. */
export const apiKeyStoreContract: readonly ContractCase[] = apiKeyCases
