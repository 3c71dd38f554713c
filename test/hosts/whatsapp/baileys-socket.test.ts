import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../core/clock.ts'
import { deviceId, serverId } from '../../../core/ids.ts'
import { openInbox } from '../../../hosts/auth-state/inbox.ts'
import { attributeErrors } from '../../../hosts/isolation/attribution.ts'
import { baileysSockets } from '../../../hosts/whatsapp/baileys-socket.ts'
import type { Simulator } from '../../../local/whatsapp/simulator.ts'
import {
  type Credentials,
  eventually,
  newCredentials,
  pair,
  simulatorFor,
} from '../../local/whatsapp/baileys-client.ts'

before(() =>
  attributeErrors(process, { clock: systemClock, telemetry: { emit: () => undefined } }, (error) => {
    throw error
  }),
)

test('a socket whose lease ends between two frames of its login sends no further one', {
  timeout: 20_000,
}, async (context) => {
  const simulator = await simulatorFor(context)
  const credentials = await pair(simulator)
  const closed = Promise.withResolvers<void>()
  let asked = 0
  const socket = openSocket(simulator, credentials, {
    // The hello may leave; the frame that logs in may not.
    mayAct: () => ++asked === 1,
    closed: closed.resolve,
  })
  await closed.promise
  await sleep(200)
  assert.ok(asked > 1, `asked ${asked} times`)
  assert.equal(simulator.report().logins, 0)
  socket.cut()
})

test('a frame that comes when the lease is over raises the fence before it is read', {
  timeout: 20_000,
}, async (context) => {
  const simulator = await simulatorFor(context)
  const credentials = await pair(simulator)
  const closed = Promise.withResolvers<void>()
  let isValid = true
  let received = 0
  const socket = openSocket(simulator, credentials, {
    mayAct() {
      if (!isValid) socket.cut()
      return isValid
    },
    closed: closed.resolve,
    received: () => received++,
  })
  await eventually('a login', () => simulator.report().logins === 1)
  isValid = false
  await simulator.text(simulator.accounts()[0]?.jid ?? '', 'are you there?')
  await closed.promise
  await sleep(200)
  assert.equal(received, 0)
  assert.equal(simulator.report().messages.received, 0)
})

test('a pairing is answered when its credentials are stored, and not before', {
  timeout: 20_000,
}, async (context) => {
  const simulator = await simulatorFor(context)
  const stored = Promise.withResolvers<void>()
  const { socket, qr } = openUnlinked(simulator, { saveCreds: () => stored.promise })
  const linked = simulator.scanQr(await qr())
  await sleep(300)
  assert.equal(simulator.accounts().length, 0)

  stored.resolve()

  await linked
  assert.equal(simulator.accounts().length, 1)
  socket.cut()
})

test('a pairing whose credentials cannot be stored is never answered, and its socket is closed', {
  timeout: 20_000,
}, async (context) => {
  const simulator = await simulatorFor(context)
  const closed = Promise.withResolvers<void>()
  const saveCreds = () => Promise.reject(new Error('no store'))
  const { qr } = openUnlinked(simulator, { saveCreds, closed: closed.resolve })

  const linked = simulator.scanQr(await qr())

  await assert.rejects(linked, { code: 'PAIRING_LOST' })
  await closed.promise
  assert.equal(simulator.accounts().length, 0)
})

/** An inbox item that starts empty and is never stored. */
const NO_ITEMS = { read: async () => undefined, write: async () => undefined }

interface Ears {
  mayAct?(): boolean
  saveCreds?(): Promise<void>
  qr?(qr: string): void
  closed?(): void
  received?(): void
}
const nothing = () => undefined

/** @returns the socket, and a function that waits for the QR that it shows */
function openUnlinked(simulator: Simulator, ears: Ears) {
  let shown: string | undefined
  const qr = (text: string) => {
    shown = text
  }
  const socket = openSocket(simulator, newCredentials(), { ...ears, qr })
  return { socket, qr: () => eventually('a QR', () => shown) }
}

function openSocket(
  simulator: Simulator,
  { creds, keys }: Credentials,
  { mayAct = () => true, saveCreds = async () => undefined, ...ears }: Ears,
) {
  return baileysSockets({ url: simulator.url, historySync: false })({
    device: deviceId('device-1'),
    server: serverId('web-1-a'),
    auth: {
      state: { creds, keys },
      saveCreds,
      settled: async () => undefined,
      close: () => undefined,
      inbox: openInbox(NO_ITEMS, systemClock, 'none'),
    },
    mayAct,
    events: {
      qr: nothing,
      paired: nothing,
      open: nothing,
      received: nothing,
      stalled: () => false,
      recovered: nothing,
      heldUp: nothing,
      closed: nothing,
      ...ears,
    },
  })
}
