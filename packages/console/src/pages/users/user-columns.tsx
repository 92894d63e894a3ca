import { gridColumns } from '../../ui/grid-columns.ts'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { RowName } from '../../ui/row-name.tsx'
import type { AdminUser } from '../../api/types.ts'

const COUNT = new Intl.NumberFormat('en')
const { columns, display } = gridColumns<AdminUser>()

/** What one sees of a user in the list. On a phone it stands in two lines. */
export const USER_COLUMNS = columns([
  display({
    id: 'user',
    header: 'User',
    enableSorting: false,
    cell: ({ row: { original: user } }) => (
      <RowName name={user.username} to="/users" opens={{ user: user.id }} isFaint={user.isDisabled} />
    ),
  }),
  display({
    id: 'role',
    header: 'Role',
    enableSorting: false,
    meta: { className: 'max-lg:col-start-2 max-lg:row-start-1 max-lg:text-right' },
    cell: ({ row: { original: user } }) => <UserRole user={user} />,
  }),
  display({
    id: 'sessions',
    header: 'Active sessions',
    enableSorting: false,
    meta: { className: 'text-soft tabular-nums max-lg:row-start-2' },
    cell: ({ row: { original: user } }) => (
      <>
        {user.activeSessions === 0 ? 'none' : COUNT.format(user.activeSessions)}
        <span className="lg:hidden"> active {user.activeSessions === 1 ? 'session' : 'sessions'}</span>
      </>
    ),
  }),
  display({
    id: 'lastLogin',
    header: 'Last login',
    enableSorting: false,
    meta: {
      className: 'whitespace-nowrap text-soft tabular-nums max-lg:col-start-2 max-lg:row-start-2 max-lg:text-right',
    },
    cell: ({ row: { original: user } }) =>
      user.lastLoginAt === null ? 'never' : <RelativeTime at={user.lastLoginAt} />,
  }),
  display({
    id: 'created',
    header: 'Created',
    enableSorting: false,
    meta: { className: 'hidden whitespace-nowrap text-soft tabular-nums lg:block' },
    cell: ({ row: { original: user } }) => <RelativeTime at={user.createdAt} />,
  }),
])

/** What a user may do, where it is not what everybody may. */
export function UserRole({ user: { role, isDisabled } }: { readonly user: AdminUser }) {
  return (
    <span className="inline-flex flex-wrap gap-1.5 text-sm">
      {role === 'operator' && <span className="rounded-full bg-tint px-2.5 font-semibold text-on-tint">operator</span>}
      {isDisabled && <span className="rounded-full bg-danger-tint px-2.5 font-semibold text-danger">disabled</span>}
      {role === 'user' && !isDisabled && <span className="text-soft">user</span>}
    </span>
  )
}
