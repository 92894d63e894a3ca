import { gridColumns } from '../../ui/grid-columns.ts'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { RowName } from '../../ui/row-name.tsx'
import { SessionState } from './session-state.tsx'
import type { AdminSession } from '../../api/types.ts'

const { accessor, columns, display } = gridColumns<AdminSession>()

/** What one sees of a session in the list. On a phone it stands in three lines. */
export const SESSION_COLUMNS = columns([
  display({
    id: 'user',
    header: 'User',
    enableSorting: false,
    meta: { className: 'max-lg:col-start-2 max-lg:row-start-1' },
    cell: ({ row: { original: session } }) => (
      <RowName name={session.username} to="/sessions" opens={{ session: session.id }} isFaint={!session.isActive} />
    ),
  }),
  display({
    id: 'device',
    header: 'Device',
    enableSorting: false,
    meta: { className: 'truncate text-soft max-lg:col-start-2 max-lg:row-start-2' },
    cell: ({ row: { original: session } }) => session.device.label,
  }),
  display({
    id: 'address',
    header: 'Address',
    enableSorting: false,
    meta: {
      className:
        'truncate text-soft tabular-nums max-lg:col-start-2 max-lg:col-end-4 max-lg:row-start-3 lg:max-xl:hidden',
    },
    cell: ({ row: { original: session } }) => session.device.ip ?? 'no address',
  }),
  accessor('createdAt', {
    header: 'Signed in',
    enableSorting: true,
    meta: { className: 'hidden whitespace-nowrap text-soft tabular-nums lg:block' },
    cell: ({ row: { original: session } }) => <RelativeTime at={session.createdAt} />,
  }),
  accessor('lastAccessedAt', {
    header: 'Last used',
    enableSorting: true,
    meta: {
      className:
        'whitespace-nowrap tabular-nums max-lg:col-start-3 max-lg:row-start-1 max-lg:text-right max-lg:text-soft',
    },
    cell: ({ row: { original: session } }) => <RelativeTime at={session.lastAccessedAt} />,
  }),
  display({
    id: 'state',
    header: 'State',
    enableSorting: false,
    meta: { className: 'max-lg:col-start-3 max-lg:row-start-2 max-lg:max-w-36 max-lg:text-right' },
    cell: ({ row: { original: session } }) => <SessionState session={session} />,
  }),
])
