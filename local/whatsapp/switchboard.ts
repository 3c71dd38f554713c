/** Knows the account of each connection, and passes its stanzas to the right part of the simulator. */
import type { IncomingMessage } from 'node:http'
import { type BinaryNode, getBinaryNodeChild } from '@whiskeysockets/baileys'
import type { WebSocket } from 'ws'
import type { Account } from './accounts.ts'
import { type Connection, openConnection } from './connection.ts'
import type { Inflict } from './inflict.ts'
import { readRegistration } from './linking.ts'
import { isOutdated, logIn, OUTDATED } from './login.ts'
import type { Messages } from './messages.ts'
import type { ClientIntroduction, ServerIdentity } from './noise.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { makeCodePairing } from './pairing-code.ts'
import { makeQrPairing } from './pairing-qr.ts'
import { answerQuery } from './queries.ts'
import { queryKey } from './query-kinds.ts'
import { failure, firstChild, node, result } from './stanzas.ts'
import { makeUnaskedBatch } from './unasked-batch.ts'
import type { World } from './world.ts'

const BAD_REQUEST = 400

export type Switchboard = ReturnType<typeof makeSwitchboard>

export function makeSwitchboard(
  world: World,
  queue: OfflineQueue,
  messages: Messages,
  inflict: Inflict,
  identity: ServerIdentity,
) {
  const connections = new Set<Connection>()
  const owners = new Map<Connection, Account>()
  const qr = makeQrPairing(world)
  const code = makeCodePairing(world)
  let nextId = 1
  const sendBatch = (connection: Connection, account: Account) => {
    inflict.atLogin('offline', connection, account)
    queue.batchRequested(connection, account)
  }
  const unasked = makeUnaskedBatch(world, sendBatch)

  const introduced = (connection: Connection, { noiseKey, payload }: ClientIntroduction) => {
    if (payload.username) {
      const account = logIn(world, connection, noiseKey, payload, inflict)
      if (!account) return
      owners.set(connection, account)
      refreshSilence(connection)
      return
    }
    if (isOutdated(world, undefined, payload)) return connection.end(failure(OUTDATED))
    inflict.atLogin('pairing', connection, undefined)
    const registration = readRegistration(noiseKey, payload)
    if (registration) qr.offer(connection, registration)
    else connection.end(failure(BAD_REQUEST))
  }

  const fromNewcomer = (connection: Connection, stanza: BinaryNode) => {
    const asked = firstChild(stanza)
    const registration = qr.registrationOf(connection)
    const stage = asked?.tag === 'link_code_companion_reg' && asked.attrs.stage
    if (asked && registration && stage === 'companion_hello') {
      code.requested(connection, registration, stanza, asked)
    } else if (stage === 'companion_finish') code.finished(connection, stanza)
    else if (stanza.attrs.type === 'get' || stanza.attrs.type === 'set') connection.send(result(stanza))
  }

  const fromDevice = async (connection: Connection, account: Account, stanza: BinaryNode) => {
    const { tag, attrs } = stanza
    if (tag === 'iq' && attrs.type !== 'result') {
      answerQuery(world, connection, account, stanza)
      if (queryKey(stanza) === 'passive set active') unasked.activated(connection, account)
    } else if (tag === 'message') await messages.fromDevice(connection, account, stanza)
    else if (tag === 'receipt') {
      await queue.receipt(account, stanza)
      connection.send(node('ack', { class: 'receipt', id: attrs.id ?? '', from: attrs.to ?? '' }))
    } else if (tag === 'ack' && attrs.class === 'message') queue.acknowledged(account, stanza)
    else if (tag === 'ack') world.unseen.acknowledged(account, stanza)
    else if (getBinaryNodeChild(stanza, 'offline_batch') && unasked.asked(connection)) {
      sendBatch(connection, account)
    }
  }

  /** A hushed server reads nothing. If the misdeed is for everybody, this includes clients in their
   *  handshake. */
  const refreshSilence = (connection: Connection) => {
    if (world.misdeeds.find('silence', owners.get(connection))) connection.hush()
    else connection.speak()
  }
  world.misdeeds.onChange(() => {
    for (const connection of connections) refreshSilence(connection)
  })

  const closed = (connection: Connection) => {
    const account = owners.get(connection)
    connections.delete(connection)
    owners.delete(connection)
    qr.forget(connection)
    code.forget(connection)
    queue.forget(connection)
    unasked.forget(connection)
    world.answers.lost(connection)
    if (account) {
      if (world.accounts.online.get(account) === connection) world.accounts.online.delete(account)
      world.judge.closed(account.jid, connection.id, world.nowMs())
    }
    world.emit({ event: 'closed', label: connection.label, ...(account && { account: account.jid }) })
  }

  const events = {
    hello: (_: Connection, routing: string | undefined) =>
      inflict.atHello(routing === undefined ? undefined : world.accounts.byJid(routing)),
    introduced,
    closed,
    async stanza(connection: Connection, stanza: BinaryNode) {
      if (world.answers.arrived(connection, stanza.attrs.id ?? '', stanza)) return
      const account = owners.get(connection)
      if (account) await fromDevice(connection, account, stanza)
      else if (stanza.tag === 'iq') fromNewcomer(connection, stanza)
    },
    misbehaved: ({ label }: Connection, why: string) => world.emit({ event: 'misbehaved', label, why }),
  }
  return {
    scanQr: qr.scan,
    enterCode: code.enter,
    accept(ws: WebSocket, request: IncomingMessage) {
      const connection = openConnection(nextId++, ws, request, identity, world.nowMs, events)
      connections.add(connection)
      refreshSilence(connection)
    },
    expire() {
      const nowMs = world.nowMs()
      for (const connection of connections) connection.expire(nowMs)
      qr.expire(nowMs)
    },
  }
}
