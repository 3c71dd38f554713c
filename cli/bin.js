#!/usr/bin/env node
/**
 * The `mooring` command on any Node that the shell has: finds a Node that runs TypeScript directly, and hands
 * over to mooring.ts. npx and the links that npm makes call it. It is JavaScript, so that an older Node can
 * say what is needed.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 24
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

const entry = fileURLToPath(new URL('./mooring.ts', import.meta.url))
// `npm ci` installs it as a development dependency.
const brought = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  await import('./mooring.ts')
} else if (existsSync(brought)) {
  const child = spawn(brought, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of Object.keys(SIGNALS)) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => giveUp(error.message))
  child.on('exit', (code, signal) => process.exit(code === null ? SIGNALS[signal] || 1 : code))
} else {
  giveUp(`mooring needs Node ${NODE_MAJOR_MIN} or newer; this is Node ${process.versions.node}.`)
}

function giveUp(why) {
  process.stderr.write(
    `${why}\nRun \`npm ci\` in ${fileURLToPath(new URL('..', import.meta.url))}: it installs one.\n`,
  )
  process.exit(2)
}
