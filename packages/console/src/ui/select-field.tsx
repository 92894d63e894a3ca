export interface SelectFieldProps<Value extends string> {
  readonly label: string
  readonly value: Value
  /** What can be chosen, and what it is called. */
  readonly choices: Readonly<Record<Value, string>>
  readonly onChange: (value: Value) => void
  readonly className?: string
}

/** One of a few, under its label. */
export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, value, choices, onChange, className = '' } = props
  return (
    <label className={`block min-w-0 text-sm ${className}`}>
      <span className="font-semibold">{label}</span>
      <select
        value={value}
        onChange={({ target }) => onChange(target.value as Value)}
        className="mt-1 block h-9 w-full rounded-lg border border-line-strong bg-field px-3 text-base focus-visible:rounded-lg"
      >
        {Object.entries<string>(choices).map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
