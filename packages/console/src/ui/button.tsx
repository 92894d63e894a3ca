import type { ComponentProps } from 'react'

export interface ButtonProps extends ComponentProps<'button'> {
  /** `primary` is what one came for, `danger` what cannot be taken back. */
  readonly variant?: 'default' | 'primary' | 'danger'
}

const LOOKS = {
  default: 'border-line-strong bg-surface hover:border-text',
  primary: 'border-transparent bg-accent text-on-accent hover:bg-accent-strong',
  danger: 'border-transparent bg-danger text-on-danger hover:bg-danger-strong',
} as const

/** A button. In a form it submits only where it says so. */
export function Button({ variant = 'default', type = 'button', className = '', ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={`inline-flex min-h-9 cursor-pointer items-center justify-center gap-2 rounded-lg border px-3.5 py-1 text-sm font-semibold whitespace-nowrap focus-visible:rounded-lg disabled:cursor-default disabled:opacity-60 ${LOOKS[variant]} ${className}`}
      {...rest}
    />
  )
}
