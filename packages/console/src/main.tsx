import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { watchAttendance } from './api/attendance.ts'
import { ME } from './api/me.ts'
import { RequestError } from './api/problem.ts'
import { router } from './router.tsx'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // Once more where nobody knows, and never where the service has said no.
      retry: (failures, error) => failures < 1 && error instanceof RequestError && error.isUncertain,
      retryDelay: 800,
    },
  },
})

watchAttendance()
// Every page waits for this one, so it is asked for before any is drawn. What goes wrong the page tells.
queries.query(ME).catch(() => undefined)

const host = document.getElementById('root')
if (host === null) throw new Error('index.html has no element with the id root; restore it')

createRoot(host).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
)
