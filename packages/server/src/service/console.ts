import { Hono } from 'hono'
import type { Env } from './app.ts'

/** The files of the console, as they were built. */
export function consoleFiles(): Hono<Env> {
  return new Hono<Env>()
}
