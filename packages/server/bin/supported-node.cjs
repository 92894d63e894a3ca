'use strict'
// Also read by a Node that cannot run the program: no syntax younger than Node 12.

/** Says what is wrong with a version of Node as one sentence, or null when the program runs on it. */
exports.problemWithNode = function (version) {
  var parts = version.split('.').map(Number)
  var major = parts[0]
  if (major > 25 || (major === 24 && parts[1] >= 15)) return null
  return (
    'sojourn needs Node 24.15 or newer (but not 25), and this is Node ' +
    version +
    '; install Node 24, or in a checkout run "npm ci --include=optional" and start it as "npx sojourn"'
  )
}
