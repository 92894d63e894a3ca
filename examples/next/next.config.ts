import type { NextConfig } from 'next'

const config: NextConfig = {
  serverExternalPackages: ['sojourn'],
  // TypeScript 7 has no interface that Next could check types with; `tsc -p .` does it.
  typescript: { ignoreBuildErrors: true },
}

export default config
