import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MooringError } from '../../../core/errors.ts'
import { permit } from '../../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { type Attempt, beginAttempt } from '../../../hosts/device/attempt.ts'
import { beginWait } from '../../../hosts/device/backoff.ts'
import type { FollowUp } from '../../../hosts/device/follow-up.ts'
import { type Closed, nextStep } from '../../../hosts/device/next-step.ts'
import { createPairingLimit } from '../../../hosts/device/pairing-limit.ts'
import type { ServerContext } from '../../../hosts/world.ts'
import {
  anActiveServer,
  anOwnedDevice,
  aWorld,
  deviceRow,
  embeddedTables,
  type Tables,
} from '../../builders/builders.ts'
import { aHostWorld, fakeAuth } from '../host-world.ts'
import { aServerContext } from './connection-scene.ts'

const ACCOUNT = { jid: '15550100:1@s.whatsapp.net' }
const WAIT_MS = 700

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

interface Options {
  readonly device?: Partial<DeviceRow>
  readonly auth?: ReturnType<typeof fakeAuth>
  /** Opening the credentials fails with this. */
  readonly unreadable?: Error
  readonly mayOpen?: boolean
  readonly context?: Partial<ServerContext>
  readonly pairingTimeoutMs?: number
}

/** An attempt under a permit; each wait that is decided is of 700 ms. */
async function anAttempt(options: Options = {}) {
  const base = await aWorld(tables)
  const server = await anActiveServer(base, 'server-1')
  const { deviceId } = await anOwnedDevice(base, server)
  if (options.device) await base.store.update('Devices', { deviceId }, { set: options.device, when: [] })
  const permitted = await permit(base.store, base.clock, deviceId, server.serverId)
  const auth = options.auth ?? fakeAuth()
  const { world, sockets } = aHostWorld(base, {
    async openAuth() {
      if (options.unreadable) throw options.unreadable
      return auth
    },
  })
  const decided: Closed[] = []
  const followUps: FollowUp[] = []
  const guidance = {
    mayOpen: () => options.mayOpen ?? true,
    decide(closed: Closed): FollowUp {
      decided.push(closed)
      const step = nextStep(closed, 0)
      const followUp = 'wait' in step ? { step, wait: beginWait(base.clock, WAIT_MS) } : { step }
      followUps.push(followUp)
      return followUp
    },
    hasOpened: () => undefined,
    mayReplace: () => true,
  }
  const context = aServerContext(base, server, options.context)
  const limit = createPairingLimit(base.clock, options.pairingTimeoutMs ?? 600_000)
  const begun = await beginAttempt(world, context, permitted, guidance, limit)
  const [socket] = sockets
  return {
    world: base,
    begun,
    auth,
    decided,
    followUps,
    socket,
    before: permitted.row,
    row: () => deviceRow(base.store, deviceId),
  }
}

/** The same, when a socket was opened. */
async function anOpenAttempt(options: Options = {}) {
  const scene = await anAttempt(options)
  const { begun, socket } = scene
  assert.ok(!('unopened' in begun))
  assert.ok(socket)
  return { ...scene, attempt: begun as Attempt, socket }
}

test('a socket that may not be opened any more is not opened, and its credentials are closed', async () => {
  const { begun, socket, auth } = await anAttempt({ mayOpen: false })
  assert.deepEqual(begun, { unopened: { by: 'asked' } })
  assert.equal(socket, undefined)
  assert.equal(auth.isClosed(), true)
})

test('a socket is not opened when the lease ended while the credentials were read', async () => {
  const lease = { renew() {}, revoke() {}, isValid: () => false, remainingMs: () => 0 }
  const { begun, socket } = await anAttempt({ context: { lease } })
  assert.deepEqual(begun, { unopened: { by: 'asked' } })
  assert.equal(socket, undefined)
})

test('half-made credentials of an abandoned pairing are set aside before a socket is opened', async () => {
  const { begun, socket, before, row, world } = await anAttempt({
    auth: fakeAuth({ me: { id: ACCOUNT.jid } }),
  })
  assert.deepEqual(begun, { unopened: { by: 'asked' } })
  assert.equal(socket, undefined)
  assert.notEqual((await row()).credentialsId, before.credentialsId)
  assert.equal(world.told('device.pairing_discarded').length, 1)
})

test('credentials that a phone has accepted are kept, although the row does not say so', async () => {
  const auth = fakeAuth({ me: { id: ACCOUNT.jid }, account: {} })
  const { socket, before, row } = await anOpenAttempt({ auth })
  assert.ok(socket)
  assert.equal((await row()).credentialsId, before.credentialsId)
})

test('credentials that cannot be read are reported with the time of the next try, and decided once', async () => {
  const error = new MooringError('CREDENTIALS_UNREADABLE', 'unreadable', { why: 'a key is missing' })
  const { begun, world, decided, followUps, row } = await anAttempt({ unreadable: error })
  assert.deepEqual(begun, { unopened: { by: 'unreadable', followUp: followUps[0], error } })
  assert.equal(decided.length, 1)
  assert.equal(decided[0]?.code, 0)
  const { status, statusReason, retryAt } = await row()
  assert.equal(status, 'disconnected')
  assert.equal(statusReason, 'its credentials cannot be read: a key is missing')
  assert.equal(retryAt, world.clock.wallMs() + WAIT_MS)
})

for (const code of ['STALE_EPOCH', 'LEASE_OVER'] as const) {
  test(`a server that meets ${code} while it reads the credentials reports nothing and decides nothing`, async () => {
    const base = anAttempt({ unreadable: new MooringError(code, 'lost') })
    await assert.rejects(base, { code })
  })
}

test('a close by WhatsApp is judged once: the report tells the time, and the ending carries the decision', async () => {
  const { attempt, socket, world, decided, followUps, row } = await anOpenAttempt()
  socket.events.closed(428, 'lost')
  const ending = await attempt.ended
  assert.equal(decided.length, 1)
  assert.ok(ending.by === 'whatsapp')
  assert.equal(ending.followUp, followUps[0])
  assert.equal(ending.row.status, 'disconnected')
  const { retryAt, statusReason } = await row()
  assert.equal(retryAt, world.clock.wallMs() + WAIT_MS)
  assert.equal(statusReason, ending.why)
})

test('a close without a next try leaves no time in the row', async () => {
  const { attempt, socket, row } = await anOpenAttempt({ device: { pairedAt: 1, connectedAt: 2 } })
  socket.events.closed(403, 'gone')
  await attempt.ended
  assert.equal((await row()).retryAt, undefined)
})

test('a socket that this server closes is not judged, and is not reported as disconnected', async () => {
  const { attempt, decided, row, world } = await anOpenAttempt()
  attempt.close('asked')
  assert.deepEqual(await attempt.ended, { by: 'asked' })
  assert.equal(decided.length, 0)
  assert.equal((await row()).status, 'connecting')
  assert.equal(world.told('device.closed')[0]?.why, 'asked')
})

test('the first reason for which this server closes a socket counts', async () => {
  const { attempt } = await anOpenAttempt()
  attempt.close('stale')
  attempt.cut()
  assert.deepEqual(await attempt.ended, { by: 'stale' })
})

test('the restart at the end of a pairing is decided, and is not reported as disconnected', async () => {
  const { attempt, socket, decided, row } = await anOpenAttempt()
  socket.events.closed(515, 'restart')
  const ending = await attempt.ended
  assert.equal(decided.length, 1)
  assert.ok(ending.by === 'whatsapp')
  assert.equal(ending.followUp.step.do, 'reconnect_now')
  assert.equal((await row()).status, 'connecting')
})

test('credentials that WhatsApp refuses and no phone had accepted are set aside', async () => {
  const { attempt, socket, decided, before, row } = await anOpenAttempt()
  socket.events.closed(401, 'refused')
  await attempt.ended
  assert.equal(decided[0]?.wasNeverAccepted, true)
  assert.equal(decided[0]?.unproven, false)
  assert.notEqual((await row()).credentialsId, before.credentialsId)
})

test('credentials that a phone accepted and no login has proven are kept', async () => {
  const { attempt, socket, decided, before, row } = await anOpenAttempt({
    device: { pairedAt: 2, connectedAt: 1 },
  })
  socket.events.closed(401, 'refused')
  await attempt.ended
  assert.equal(decided[0]?.wasNeverAccepted, false)
  assert.equal(decided[0]?.unproven, true)
  assert.equal((await row()).credentialsId, before.credentialsId)
})

test('credentials with which a login has succeeded are proven', async () => {
  const { attempt, socket, decided } = await anOpenAttempt({ device: { pairedAt: 1, connectedAt: 2 } })
  socket.events.closed(401, 'logged out')
  await attempt.ended
  assert.equal(decided[0]?.unproven, false)
})

test('conflicts of the last ten minutes count, this one included', async () => {
  const now = Date.UTC(2030, 0, 1)
  const conflicts = [now - 700_000, now - 1000]
  const { attempt, socket, decided, row } = await anOpenAttempt({ device: { conflicts } })
  socket.events.closed(440, 'replaced')
  await attempt.ended
  assert.equal(decided[0]?.conflicts, 2)
  assert.deepEqual((await row()).conflicts, [now - 1000, now])
})

test('an uncaught error cuts the socket, and is what closed it', async () => {
  const { attempt, socket, decided } = await anOpenAttempt()
  attempt.fault(new Error('a listener failed'))
  const ending = await attempt.ended
  assert.deepEqual(socket.asked, ['cut'])
  assert.equal(decided[0]?.code, 950)
  assert.match((ending as { why: string }).why, /a listener failed/)
})

test('a report that is refused shows that the socket was stale: nothing that was decided is done', async () => {
  const { attempt, socket, world, decided, before } = await anOpenAttempt()
  const { deviceId } = before
  await world.store.update('Devices', { deviceId }, { add: { epoch: 1 }, when: [] })
  socket.events.closed(428, 'lost')
  assert.deepEqual(await attempt.ended, { by: 'stale' })
  assert.equal(decided.length, 1)
})

test('a device that nobody links in time ends as unlinked, and its QR leaves the row', async () => {
  const { attempt, socket, world, row } = await anOpenAttempt({ pairingTimeoutMs: 60_000 })
  socket.events.qr('a-qr', 20_000)
  world.clock.advance(60_000)
  assert.deepEqual(await attempt.ended, { by: 'unlinked' })
  assert.equal((await row()).pairing, undefined)
})

test('a device that has logged in for five seconds has nothing held against it', async () => {
  const { attempt, socket, world } = await anOpenAttempt({ device: { suspicion: 3 } })
  const before = attempt.suspicion()
  socket.events.open(ACCOUNT)
  world.clock.advance(4999)
  assert.equal(attempt.suspicion(), before)
  world.clock.advance(1)
  assert.equal(attempt.suspicion(), 0)
})

test('a socket is at work until its login, and then within the time of its last frame', async () => {
  const { attempt, socket, world } = await anOpenAttempt()
  world.clock.advance(5000)
  assert.equal(attempt.wasActive(500), true)
  socket.events.open(ACCOUNT)
  assert.equal(attempt.wasActive(500), false)
  socket.mayAct()
  world.clock.advance(500)
  assert.equal(attempt.wasActive(500), true)
  world.clock.advance(1)
  assert.equal(attempt.wasActive(500), false)
})

test('WhatsApp is told to unlink a device only over a socket that has logged in', async () => {
  const { attempt, socket } = await anOpenAttempt()
  await attempt.logout()
  assert.deepEqual(socket.asked, [])
  socket.events.open(ACCOUNT)
  await attempt.logout()
  assert.deepEqual(socket.asked, ['logout'])
})
