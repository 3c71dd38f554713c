/** Devices that another system has linked, brought into a fleet and out of it again.
 *  MOORING_IMPORT_DEVICES=20 makes it smaller. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { deviceId } from '../../core/ids.ts'
import { silenceConsole } from '../../hosts/whatsapp/silence-console.ts'
import { openNaiveSocket } from '../../local/demo/naive-socket.ts'
import { importVariables } from '../cli/import/builders.ts'
import { startMooring } from '../cli/mooring-command.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { pairElsewhere } from './linked-elsewhere.ts'
import { send } from './sending.ts'
import { until } from './until.ts'

const DEVICES = Number(process.env.MOORING_IMPORT_DEVICES ?? 100)
/** This many devices have talked before they are imported. Their sessions must go on. */
const TALKED = 2
const SECRET = 'the secret of the messages'
const CONTACT = '15550100150'
const MS_EACH_MAX = 4000

let fleet: TestFleet
let consumer: Server
let folder: string
/** `device text` of every message that the application got. */
const taken: string[] = []
const ids = Array.from({ length: DEVICES }, (_, at) => deviceId(`shop-${at + 1}`))

before(async () => {
  silenceConsole()
  folder = mkdtempSync(join(tmpdir(), 'mooring-import-fleet-'))
  consumer = await startConsumer()
  fleet = await startTestFleet({ servers: 0 })
  const { port } = consumer.address() as AddressInfo
  const variables = { MESSAGES_URL: `http://127.0.0.1:${port}`, MESSAGES_SECRET: SECRET }
  for (const name of ['server-1', 'server-2']) {
    await fleet.startServer(name, { variables })
    await fleet.untilActive(name)
  }
})

after(async () => {
  await fleet?.close()
  await new Promise((resolve) => consumer?.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

function startConsumer(): Promise<Server> {
  const server = createServer(async (request, response) => {
    const { deviceId: id, message } = JSON.parse(Buffer.concat(await request.toArray()).toString())
    taken.push(`${id} ${message.conversation ?? message.extendedTextMessage?.text}`)
    response.end()
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

/** Logs in with a folder, runs `talk`, and logs out of the socket. */
async function withFolder(id: string, authDir: string, talk: () => Promise<void>): Promise<void> {
  const closed = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const socket = await openNaiveSocket({
    deviceId: id,
    authDir,
    whatsAppUrl: fleet.simulator.url,
    server: 'elsewhere',
    open: () => opened.resolve(),
    closed: () => {
      opened.reject(new Error('it was closed'))
      closed.resolve()
    },
  })
  await opened.promise
  await talk()
  void socket.end(undefined)
  await closed.promise
}

const isRead = async (jid: string) =>
  fleet.simulator.accounts().find((account) => account.jid === jid)?.queued === 0

test(`${DEVICES} devices that were linked elsewhere connect without another pairing, receive and send`, async (t) => {
  const begun = systemClock.mark()
  const tell = (what: string) =>
    t.diagnostic(`${what} after ${Math.round(systemClock.elapsedMs(begun) / 1000)} s`)
  await pairElsewhere(fleet, ids, folder)
  tell('linked elsewhere')
  const jids = fleet.simulator.accounts().map(({ jid }) => jid)
  assert.equal(jids.length, DEVICES)
  for (const id of ids.slice(0, TALKED)) {
    await withFolder(id, folder, async () => {
      const jid = fleet.simulator.accounts().find(({ connectedTo }) => connectedTo)?.jid ?? ''
      await fleet.simulator.text(jid, 'before', CONTACT)
      await until('read elsewhere', 20_000, () => isRead(jid))
    })
  }

  const variables = importVariables(fleet.database.endpoint, fleet.authKeyFile)
  const { out, err, exit } = await startMooring(['import', 'multi-file', folder, '--yes'], variables, {
    killAfterMs: 300_000,
  }).ended

  assert.equal(exit, 0, out + err)
  tell('imported')
  assert.match(out, new RegExp(`^${DEVICES} folders: ${DEVICES} imported$`, 'm'))
  const rows = await fleet.untilConnected(ids, 30_000 + DEVICES * MS_EACH_MAX)
  tell('connected')
  assert.deepEqual(rows.map((row) => row.account?.jid).toSorted(), jids.toSorted())
  assert.equal(fleet.simulator.accounts().length, DEVICES)
  for (const row of rows) await fleet.simulator.text(row.account?.jid ?? '', 'ahoy', CONTACT)
  await until('every message taken', 30_000 + DEVICES * MS_EACH_MAX, async () =>
    ids.every((id) => taken.includes(`${id} ahoy`)),
  )
  tell('received')
  for (const row of rows) {
    assert.equal(await send(fleet, SECRET, row.deviceId, `+${CONTACT}`, 'aye'), 200, row.deviceId)
    const got = fleet.simulator.received(row.account?.jid ?? '').map(({ text }) => text)
    assert.ok(got.includes('aye'), row.deviceId)
  }
  assert.equal(fleet.simulator.report().messages.nacked, 0)
  fleet.assertNeverTwoSockets()
})

test('a device that is stopped and exported goes on with plain Baileys', async () => {
  const [id = deviceId('none')] = ids
  const [row] = await fleet.devices([id])
  const variables = importVariables(fleet.database.endpoint, fleet.authKeyFile)
  const early = await startMooring(['export', id, join(folder, 'early'), '--yes'], variables).ended
  await fleet.call('POST', `/devices/${id}/stop`)
  await until('stopped', 20_000, async () => (await fleet.devices([id]))[0]?.owner === undefined)

  const { exit, err } = await startMooring(['export', id, join(folder, 'out', id), '--yes'], variables).ended

  assert.match(early.err, /^DEVICE_NOT_STOPPED/)
  assert.equal(exit, 0, err)
  const jid = row?.account?.jid ?? ''
  await withFolder(id, join(folder, 'out'), async () => {
    await fleet.simulator.text(jid, 'outside again', CONTACT)
    await until('read outside', 20_000, () => isRead(jid))
  })
  assert.equal(fleet.simulator.report().messages.nacked, 0)
  fleet.assertNeverTwoSockets()
})
