/**
 * For those who test with Sojourn, and for those who write a store or an adapter for it.
 * @module
 */
export { FixedClock } from './fixed-clock.ts'
export { storeContract } from './store-contract.ts'
export { userStoreContract } from './user-store-contract.ts'
export { apiKeyStoreContract } from './api-key-store-contract.ts'
export type { ContractCase, OpenStore, OpenedStore } from './contract-case.ts'
export { makeApiKey, makeEndMark, makeMark, makeRecord, makeUser } from './records.ts'
export { FaultyStore } from './faulty-store.ts'
export type { Faults, StoreCall } from './faulty-store.ts'
export { adapterContract } from './adapter-contract.ts'
export type { AdapterCase } from './adapter/case.ts'
export type { AdapterSite, StartServer, StartedServer } from './adapter/site.ts'
