/** One small frame for one device that grows when it is read: what it costs the others of the server. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { createDeflate } from 'node:zlib'
import { deviceId } from '../../core/ids.ts'
import { type Harbour, startHarbour } from './server-under-test.ts'

const POISON = '15550100101'
/** The fence is raised at 8 s; a machine in the cloud is several times slower than the one that runs this. */
const DELAY_MS_MAX = 1000
const MEMORY_BYTES_MAX = 256 * 2 ** 20

let harbour: Harbour
let worstMs = 0
let peakBytes = 0
let last = 0
let timer: NodeJS.Timeout
before(async () => {
  harbour = await startHarbour()
  const server = harbour.startServer('web-1')
  const device = deviceId('poison')
  await harbour.register(device)
  await harbour.give(device, server)
  const { pairing } = await harbour.rowWhen('a QR', device, (row) => row.pairing?.qr !== undefined)
  await harbour.simulator.scanQr(pairing?.qr ?? '', POISON)
  timer = setInterval(() => {
    worstMs = Math.max(worstMs, performance.now() - last)
    last = performance.now()
    peakBytes = Math.max(peakBytes, process.memoryUsage().rss)
  }, 20)
})
beforeEach(async () => {
  await harbour.rowWhen('connected', deviceId('poison'), ({ status }) => status === 'connected')
})
after(async () => {
  clearInterval(timer)
  await harbour.close()
})

async function deflated(head: readonly number[], part: Buffer, times: number): Promise<Buffer> {
  const deflate = createDeflate({ level: 9 })
  const parts: Buffer[] = [Buffer.from([2])]
  deflate.on('data', (bytes: Buffer) => parts.push(bytes))
  deflate.write(Buffer.from(head))
  for (let written = 0; written < times; written++)
    if (!deflate.write(part)) await new Promise((resolve) => deflate.once('drain', resolve))
  const ended = new Promise((resolve) => deflate.once('end', resolve))
  deflate.end()
  await ended
  return Buffer.concat(parts)
}

/** `children` times 65,535 empty nodes, each of three bytes. */
const manyNodes = (children: number) =>
  deflated(
    [248, 2, 3, 249, children >> 8, children & 255],
    Buffer.concat([
      Buffer.from([248, 2, 3, 249, 255, 255]),
      Buffer.alloc(65_535 * 3, Buffer.from([248, 1, 3])),
    ]),
    children,
  )

async function inflict(frame: Buffer): Promise<void> {
  last = performance.now()
  worstMs = 0
  peakBytes = process.memoryUsage().rss
  harbour.simulator.sendSealed(POISON, frame)
  await new Promise((resolve) => setTimeout(resolve, 8000))
}

test('a frame of 9 KB that holds three million nodes holds up nobody for a second', async () => {
  const frame = await manyNodes(46)
  await inflict(frame)
  assert.ok(worstMs < DELAY_MS_MAX, `${Math.round(worstMs)} ms by a frame of ${frame.length} bytes`)
})

test('a frame of 1 MB that inflates to a gigabyte does not take the memory of all', async () => {
  const frame = await deflated([248, 2, 3, 254, 0x7f, 255, 255, 255], Buffer.alloc(2 ** 20), 1024)
  const before = process.memoryUsage().rss
  await inflict(frame)
  const grown = peakBytes - before
  assert.ok(grown < MEMORY_BYTES_MAX, `${Math.round(grown / 2 ** 20)} MB by a frame of ${frame.length} bytes`)
})
