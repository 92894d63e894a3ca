import { adoptionCases } from './contract/adoption.ts'
import { labelCases } from './contract/labels.ts'
import { attemptCases } from './contract/attempts.ts'
import { userCases } from './contract/users.ts'
import type { ContractCase } from './contract-case.ts'

/** What every store of users must do, together with the sessions that belong to them, sentence by sentence. */
export const userStoreContract: readonly ContractCase[] = [
  ...userCases,
  ...labelCases,
  ...adoptionCases,
  ...attemptCases,
]
