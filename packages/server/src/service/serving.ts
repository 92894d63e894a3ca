import { problem } from 'sojourn/http'
import { createApp } from './app.ts'
import { listen } from './listener.ts'
import type { Fetch } from './listener.ts'
import { Service } from './service.ts'
import type { ServiceParts, ServiceSettings } from './service.ts'

/** What is served, and where. */
export interface ServingParts extends Omit<ServiceParts, 'settings'> {
  readonly settings: Omit<ServiceSettings, 'baseUrl'>
  /** Null: the address that is listened on. */
  readonly baseUrl: string | null
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** How long requests are still taken when it is to stop, in milliseconds. Default 0. */
  readonly drain?: number | undefined
}

/** A service that answers requests. */
export interface Serving {
  readonly service: Service
  /** Where users reach it, without a slash at the end. */
  readonly url: string
  /** Not ready from now on; what is under way is finished and written down before this is fulfilled. */
  stop(): Promise<void>
}

/** Listens, then puts the service together: only now is it known where it is. Rejects, with nothing left open but the store, where it cannot listen. */
export async function startServing({
  settings,
  baseUrl,
  host,
  port,
  drain = 0,
  ...parts
}: ServingParts): Promise<Serving> {
  let fetch: Fetch = () => problem('unavailable')
  const listener = await listen((...request) => fetch(...request), { host, port })
  const url = baseUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${listener.port}`
  const service = new Service({ ...parts, settings: { ...settings, baseUrl: url } })
  fetch = createApp(service).fetch
  service.upkeep.start()
  return {
    service,
    url,
    async stop() {
      service.stop()
      await listener.close(drain)
      await service.close()
    },
  }
}
