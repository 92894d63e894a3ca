import { useState } from 'react'
import { Button } from '../../ui/button.tsx'

/** A secret that is shown once, with a way to take it along. */
export function Secret({ secret, onDone }: { readonly secret: string; readonly onDone: () => void }) {
  const [copy, setCopy] = useState<'offered' | 'done' | 'failed'>('offered')

  async function take(): Promise<void> {
    try {
      await navigator.clipboard.writeText(secret)
      setCopy('done')
    } catch {
      setCopy('failed')
    }
  }

  return (
    <div className="mt-3">
      <p>
        <strong>Copy it now.</strong> It is not kept and cannot be shown again; if it is lost, revoke the key and create
        another.
      </p>
      <output
        aria-label="Secret of the key"
        className="mt-4 block rounded-lg border border-line-strong bg-field p-3 font-mono text-sm break-all select-all"
      >
        {secret}
      </output>
      <p className="mt-2 text-sm text-soft">
        Send it as <code className="whitespace-nowrap">Authorization: Bearer …</code> and keep it where the program
        keeps its other secrets.
      </p>
      <div className="mt-6 flex flex-wrap items-center justify-end gap-3">
        <p role="status" className="mr-auto text-sm text-soft">
          {copy === 'done' && 'Copied.'}
          {copy === 'failed' && 'The browser refused: select it and copy by hand.'}
        </p>
        <Button onClick={() => void take()}>Copy</Button>
        <Button variant="primary" onClick={onDone}>
          I have kept it
        </Button>
      </div>
    </div>
  )
}
