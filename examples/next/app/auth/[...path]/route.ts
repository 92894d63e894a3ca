import { routeHandlers } from 'sojourn/next'
import { http } from '../../../sojourn.ts'

export const { GET, POST, DELETE } = routeHandlers(http)
