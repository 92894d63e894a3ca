'use strict'
// One sentence instead of a stack trace when the suite is started by a Node that cannot run it.
const { problemWithNode } = require('../packages/server/bin/supported-node.cjs')

const problem = problemWithNode(process.versions.node)
if (problem !== null) {
  console.error(problem)
  process.exitCode = 78
}
