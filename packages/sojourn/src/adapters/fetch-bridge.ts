import type { Peer, RequestSession, SojournHttp } from '../http/index.ts'
import { carrying } from './context.ts'
import type { Guard, SignedIn } from './context.ts'

/** Answers a request whose session has been looked for. `rest` is whatever else the server passes on. */
export type SessionHandler<Rest extends readonly unknown[] = [], Context extends RequestSession = RequestSession> = (
  request: Request,
  context: Context,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Takes a request to `SojournHttp.enter`, and to the application where it goes on. What that throws becomes an answer
 * that carries what the session has to say, unless it `isSignal`: no failure but what a framework says to itself.
 */
export async function answered(
  http: SojournHttp,
  request: Request,
  peer: Peer,
  handle: (context: RequestSession) => Response | Promise<Response>,
  isSignal: (thrown: unknown) => boolean = () => false,
): Promise<Response> {
  const { response, context } = await http.enter(request, peer)
  if (response !== null) return response
  try {
    return carrying(context, await handle(context))
  } catch (error) {
    if (isSignal(error)) throw error
    return carrying(context, http.failure(error))
  }
}

/** A handler that is called only where the guard lets through. */
export function guarded<Rest extends readonly unknown[]>(
  guard: Guard,
  handler: SessionHandler<Rest, SignedIn>,
): SessionHandler<Rest> {
  return (request, context, ...rest) => guard(context) ?? handler(request, context as SignedIn, ...rest)
}
