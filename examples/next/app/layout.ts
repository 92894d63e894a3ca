import { createElement } from 'react'
import type { ReactNode } from 'react'

// oxlint-disable-next-line import/no-default-export -- Next looks for nothing else
export default function Layout({ children }: { readonly children: ReactNode }) {
  return createElement('html', { lang: 'en' }, createElement('body', null, children))
}
