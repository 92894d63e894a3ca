#!/usr/bin/env node
'use strict'
// Whoever has the wrong Node shall read one sentence and no stack trace, so this file keeps to syntax that
// Node 12 can parse and looks before it imports.
var existsSync = require('fs').existsSync
var join = require('path').join
var problemWithNode = require('./supported-node.cjs').problemWithNode

/** `EX_CONFIG` of sysexits.h: the machine is not set up for this program. */
var NOT_SET_UP = 78

var problem = problemWithNode(process.versions.node)
if (problem === null && !existsSync(join(__dirname, '../dist/cli/main.js'))) {
  problem = 'sojourn is not built yet; run "npm run build" in the checkout'
}

if (problem === null) {
  require('module').enableCompileCache()
  import('../dist/cli/main.js').catch(function (error) {
    console.error('sojourn could not start: ' + String((error && error.message) || error).split('\n')[0])
    process.exitCode = 1
  })
} else {
  console.error(problem)
  process.exitCode = NOT_SET_UP
}
