import { useEffect, useId, useRef } from 'react'
import type { SubmitEvent } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Popover } from '@base-ui/react/popover'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { EVENT_NAMES } from './event-words.ts'
import { EVERYTHING, SINCE } from './filter.ts'
import type { AuditFilter, Since } from './filter.ts'
import type { AdminUser, EventType } from '../../api/types.ts'

export interface FilterBarProps {
  readonly filter: AuditFilter
  readonly onChange: (filter: AuditFilter) => void
}

/** What to show. Every change is in the address at once. */
export function FilterBar({ filter, onChange }: FilterBarProps) {
  const isFiltered =
    filter.types.length > 0 || filter.userId !== '' || filter.sessionId !== '' || filter.since !== 'any'
  return (
    <search className="grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap" aria-label="Filter events">
      <Types chosen={filter.types} onChange={(types) => onChange({ ...filter, types })} />
      <label className="block min-w-0 text-sm">
        <span className="font-semibold">Since</span>
        <select
          value={filter.since}
          onChange={({ target }) => onChange({ ...filter, since: target.value as Since })}
          className={`${FIELD} block w-full sm:w-40`}
        >
          {Object.entries(SINCE).map(([value, { name }]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <UserField userId={filter.userId} onChange={(userId) => onChange({ ...filter, userId })} />
      <SessionField sessionId={filter.sessionId} onChange={(sessionId) => onChange({ ...filter, sessionId })} />
      {isFiltered && (
        <Button className="col-span-2 w-fit sm:ml-auto" onClick={() => onChange(EVERYTHING)}>
          Show everything
        </Button>
      )}
    </search>
  )
}

const FIELD = 'mt-1 h-9 rounded-lg border border-line-strong bg-field px-3 text-base'

function Types({
  chosen,
  onChange,
}: {
  readonly chosen: readonly EventType[]
  readonly onChange: (types: EventType[]) => void
}) {
  const known = Object.entries(EVENT_NAMES) as [EventType, string][]
  const [first] = chosen
  const says = first === undefined ? 'All events' : chosen.length === 1 ? EVENT_NAMES[first] : `${chosen.length} kinds`
  const id = useId()
  return (
    <div className="min-w-0 text-sm">
      <span id={id} className="font-semibold">
        Events
      </span>
      <Popover.Root>
        <Popover.Trigger
          aria-labelledby={`${id} ${id}-says`}
          className={`${FIELD} flex w-full sm:w-52 cursor-pointer items-center justify-between gap-2 text-left`}
        >
          <span id={`${id}-says`} className="truncate">
            {says}
          </span>
          <svg
            viewBox="0 0 12 12"
            className="size-3 flex-none"
            fill="none"
            stroke="currentColor"
            strokeWidth="1.5"
            aria-hidden="true"
          >
            <path d="m2 4 4 4 4-4" />
          </svg>
        </Popover.Trigger>
        <Popover.Portal>
          <Popover.Positioner sideOffset={4} align="start" className="z-10">
            <Popover.Popup
              aria-label="Events to show"
              className="max-h-(--available-height) overflow-y-auto rounded-xl border border-line bg-surface p-2 shadow-xl"
            >
              {known.map(([type, name]) => (
                <label
                  key={type}
                  className="flex min-h-9 cursor-pointer items-center gap-3 rounded-lg px-3 hover:bg-sunken"
                >
                  <input
                    type="checkbox"
                    className="size-4 accent-accent"
                    checked={chosen.includes(type)}
                    onChange={({ target }) =>
                      onChange(target.checked ? [...chosen, type] : chosen.filter((other) => other !== type))
                    }
                  />
                  {name}
                </label>
              ))}
            </Popover.Popup>
          </Popover.Positioner>
        </Popover.Portal>
      </Popover.Root>
    </div>
  )
}

/** Takes a username or an id: the address has the id, which stays when names change. */
function UserField({ userId, onChange }: { readonly userId: string; readonly onChange: (userId: string) => void }) {
  const user = useQuery({
    queryKey: ['user-name', userId],
    queryFn: ({ signal }) => request<{ user: AdminUser }>(`/admin/users/${encodeURIComponent(userId)}`, { signal }),
    enabled: userId !== '',
    retry: false,
  })
  const search = useMutation({ mutationFn: idOf, onSuccess: onChange })
  const shown = userId === '' ? '' : (user.data?.user.username ?? userId)
  return (
    <Sought
      label="User"
      shown={shown}
      placeholder="Name or id"
      complaint={search.error === null ? null : search.error.message}
      onSubmit={(text) => (text === '' ? onChange('') : search.mutate(text))}
    />
  )
}

/** The id of the user with that name; what is nobody's name is taken for an id. */
async function idOf(text: string): Promise<string> {
  const name = text.toLowerCase()
  const { users } = await request<{ users: readonly AdminUser[] }>(
    `/admin/users?${new URLSearchParams({ text, limit: '50' })}`,
  )
  return users.find(({ username }) => username.toLowerCase() === name)?.id ?? text
}

function SessionField({
  sessionId,
  onChange,
}: {
  readonly sessionId: string
  readonly onChange: (id: string) => void
}) {
  return <Sought label="Session" shown={sessionId} placeholder="Session id" complaint={null} onSubmit={onChange} />
}

interface SoughtProps {
  readonly label: string
  readonly shown: string
  readonly placeholder: string
  readonly complaint: string | null
  readonly onSubmit: (text: string) => void
}

/** A text that is looked for on Enter, or when the field is left. */
function Sought({ label, shown, placeholder, complaint, onSubmit }: SoughtProps) {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  // The address may change under the field, which keeps the focus all the same.
  useEffect(() => {
    if (input.current !== null) input.current.value = shown
  }, [shown])
  function submit(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault()
    send(String(new FormData(event.currentTarget).get('text')))
  }
  function send(text: string): void {
    if (text.trim() !== shown) onSubmit(text.trim())
  }
  return (
    <form onSubmit={submit} className="min-w-0 text-sm">
      <label htmlFor={id} className="font-semibold">
        {label}
      </label>
      <input
        ref={input}
        id={id}
        name="text"
        type="search"
        defaultValue={shown}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        maxLength={256}
        onBlur={({ target }) => send(target.value)}
        className={`${FIELD} block w-full sm:w-44`}
      />
      {complaint !== null && (
        <p role="alert" className="mt-1 text-danger">
          {complaint}
        </p>
      )}
    </form>
  )
}
