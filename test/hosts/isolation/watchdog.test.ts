import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const WATCHDOG = pathToFileURL(`${import.meta.dirname}/../../../hosts/isolation/watchdog.ts`).href

/** A process with a watchdog of half a second. */
function aProcess(context: TestContext, then: string) {
  const begin = 'startWatchdog(500, (error) => { throw error }); console.log("begun")'
  const script = `import { startWatchdog } from '${WATCHDOG}'; ${begin}; ${then}`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  context.after(() => child.kill('SIGKILL'))
  const said: string[] = []
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  return { child, exited: once(child, 'exit'), begun: once(child.stdout, 'data'), said: () => said.join('') }
}

test('a process that is stuck in an endless loop is ended as a crash', {
  timeout: 20_000,
}, async (context) => {
  const { exited, said } = aProcess(context, 'setTimeout(() => { for (;;) {} }, 100)')

  const [code, signal] = await exited

  assert.equal(code, null)
  assert.equal(signal, 'SIGABRT')
  assert.match(said(), /"event":"server.stuck"/)
})

test('a process whose main thread turns now and then goes on, and its watchdog does not keep it alive', {
  timeout: 20_000,
}, async (context) => {
  const busyFor = 'const end = performance.now() + 100; while (performance.now() < end) {}'
  const { exited } = aProcess(
    context,
    `for (let n = 0; n < 15; n++) { ${busyFor}; await new Promise((go) => setTimeout(go, 1)) }`,
  )

  assert.deepEqual(await exited, [0, null])
})

test('a process that was frozen goes on', { timeout: 20_000 }, async (context) => {
  const { child, begun, exited } = aProcess(context, 'setTimeout(() => {}, 4000)')
  await begun
  child.kill('SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 2000))
  child.kill('SIGCONT')

  assert.deepEqual(await exited, [0, null])
})
