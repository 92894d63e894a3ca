import type { AdapterCase } from './adapter/case.ts'
import { protectionCases } from './adapter/protection.ts'
import { recognitionCases } from './adapter/recognition.ts'
import { renewalCases } from './adapter/renewal.ts'
import { troubleCases } from './adapter/trouble.ts'

/**
 * What every adapter must do for a framework, sentence by sentence, over real HTTP. Needs no test runner: a case
 * rejects when the sentence does not hold.
 */
export const adapterContract: readonly AdapterCase[] = [
  ...recognitionCases,
  ...renewalCases,
  ...protectionCases,
  ...troubleCases,
]
