/** One client's socket: handshake, stanzas in order, and every way in which it can end. It knows no accounts. */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, proto } from '@whiskeysockets/baileys'
import type { RawData, WebSocket } from 'ws'
import type { Layer } from './damage/frames.ts'
import type { HandshakeDamage } from './damage/handshake.ts'
import { frame, makeFrameReader } from './frames.ts'
import { type ClientIntroduction, makeNoiseResponder, type ServerIdentity } from './noise.ts'
import { MalformedStanza } from './stanzas.ts'

const SERVER_NAME_CHARACTERS_MAX = 64
/** How long a client may take to answer a close before its socket is cut. */
const CLOSE_GRACE_MS = 2000
/** How long a client may send nothing. Clients ping every 30 s. */
const SILENCE_MS_MAX = 120_000
/** What is kept for a client while the server is hushed. */
const HELD_MAX = 20_000

export interface Connection {
  /** Unique within the simulator. */
  readonly id: number
  /** Who is at the other end, as far as known: `<server>:<remote port>`. */
  readonly label: string
  send(stanza: BinaryNode): void
  /** Sends what no WhatsApp sends. */
  inject(layer: Layer, bytes: Uint8Array): void
  isOpen(): boolean
  /** Sends `last`, then closes as WhatsApp does. Nothing that the client sends afterwards is heard. */
  end(last?: BinaryNode): void
  /** Ends the TCP connection without a word: a FIN, or a RST. */
  cut(how: 'fin' | 'reset'): void
  /** Until `speak` nothing is heard or answered; then everything is, in order. */
  hush(): void
  speak(): void
  /** From now on the client is neither heard nor answered, but the socket stays open. */
  silence(): void
  /** Cuts the socket if its time has come: the client did not answer a close, or has been silent too long. */
  expire(nowMs: number): void
}

export interface ConnectionEvents {
  /** @returns what the client gets in place of the server's hello */
  hello(connection: Connection, routing: string | undefined): HandshakeDamage | undefined
  introduced(connection: Connection, introduction: ClientIntroduction): void
  stanza(connection: Connection, stanza: BinaryNode): Promise<void>
  closed(connection: Connection): void
  misbehaved(connection: Connection, why: string): void
}

export function openConnection(
  id: number,
  ws: WebSocket,
  request: IncomingMessage,
  identity: ServerIdentity,
  nowMs: () => number,
  events: ConnectionEvents,
): Connection {
  const noise = makeNoiseResponder(identity)
  let routing: string | undefined
  const readFrames = makeFrameReader((info) => {
    routing = info.toString()
  })
  let stage: 'hello' | 'finish' | 'open' | 'silent' | 'ended' = 'hello'
  let endedAtMs: number | undefined
  let heardAtMs = nowMs()
  let inbox = Promise.resolve()
  let hushed: PromiseWithResolvers<void> | undefined
  let held: (() => void)[] = []

  const say = (write: () => void) => {
    if (!hushed) write()
    else if (held.length < HELD_MAX) held.push(write)
  }
  const write = (bytes: Buffer) => {
    if (ws.readyState === ws.OPEN) ws.send(bytes)
  }

  const connection: Connection = {
    id,
    label: labelOf(request),
    send(stanza) {
      if (stage !== 'open') return
      say(() => write(frame(noise.encrypt(encodeBinaryNode(stanza)))))
    },
    inject(layer, bytes) {
      if (stage !== 'open') return
      say(() => write(wireOf(layer, bytes)))
    },
    isOpen: () => stage === 'open' && ws.readyState === ws.OPEN,
    hush() {
      hushed ??= Promise.withResolvers<void>()
    },
    speak() {
      const over = hushed
      hushed = undefined
      for (const said of held.splice(0)) said()
      over?.resolve()
    },
    end(last) {
      if (stage === 'ended') return
      held = []
      connection.speak()
      if (last) connection.send(last)
      stage = 'ended'
      endedAtMs = nowMs()
      ws.close()
    },
    cut(how) {
      stage = 'ended'
      if (how === 'reset' && request.socket instanceof Socket) request.socket.resetAndDestroy()
      ws.terminate()
    },
    silence() {
      stage = 'silent'
    },
    expire(now) {
      const overdue = endedAtMs !== undefined && now - endedAtMs > CLOSE_GRACE_MS
      if (overdue || (stage !== 'silent' && now - heardAtMs > SILENCE_MS_MAX)) connection.cut('fin')
    },
  }

  const wireOf = (layer: Layer, bytes: Uint8Array): Buffer => {
    if (layer === 'sealed') return frame(noise.encrypt(bytes))
    if (layer === 'unsealed') return frame(bytes)
    if (layer === 'wire') return Buffer.from(bytes)
    const sealed = noise.encrypt(encodeBinaryNode(HARMLESS))
    const from = Math.max(0, sealed.length - bytes.length)
    return frame(sealed.map((byte, at) => byte ^ (at < from ? 0 : (bytes[at - from] ?? 0))))
  }

  const take = async (data: Buffer) => {
    while (hushed) await hushed.promise
    if (stage === 'hello') {
      const { clientHello } = proto.HandshakeMessage.decode(data)
      if (!clientHello?.ephemeral) throw new MalformedStanza('no client hello')
      const damage = events.hello(connection, routing)
      const hello = noise.hello(clientHello.ephemeral, damage?.certificateChain)
      write(damage?.wire(hello) ?? frame(hello))
      stage = 'finish'
    } else if (stage === 'finish') {
      const { clientFinish } = proto.HandshakeMessage.decode(data)
      if (!clientFinish?.static || !clientFinish.payload) throw new MalformedStanza('no client finish')
      const introduction = noise.finish(clientFinish.static, clientFinish.payload)
      stage = 'open'
      events.introduced(connection, introduction)
    } else if (stage === 'open') {
      await events.stanza(connection, await decodeBinaryNode(noise.decrypt(data)))
    }
  }
  const misbehaved = (error: unknown) => {
    events.misbehaved(connection, error instanceof Error ? error.message : String(error))
    connection.cut('fin')
  }

  ws.on('message', (message) => {
    if (stage === 'ended' || stage === 'silent') return
    heardAtMs = nowMs()
    try {
      // one after the other: Noise counts frames, and an answer must not overtake the one before it
      for (const data of readFrames(bufferOf(message))) inbox = inbox.then(() => take(data)).catch(misbehaved)
    } catch (error) {
      misbehaved(error)
    }
  })
  ws.on('error', () => ws.terminate())
  ws.on('close', () => {
    stage = 'ended'
    events.closed(connection)
  })
  return connection
}

const HARMLESS: BinaryNode = { tag: 'ib', attrs: {} }

function labelOf(request: IncomingMessage): string {
  const server = new URL(request.url ?? '/', 'ws://local').searchParams.get('server')
  return `${server?.slice(0, SERVER_NAME_CHARACTERS_MAX) ?? 'unnamed'}:${request.socket.remotePort ?? 0}`
}

function bufferOf(message: RawData): Buffer {
  if (Array.isArray(message)) return Buffer.concat(message)
  return Buffer.isBuffer(message) ? message : Buffer.from(message)
}
