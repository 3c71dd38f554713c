/** The socket of a client: the handshake, stanzas in order, and every way in which it can end. It knows no
 *  accounts. */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, proto } from '@whiskeysockets/baileys'
import type { RawData, WebSocket } from 'ws'
import { compressed } from './compression.ts'
import type { Layer } from './damage/frames.ts'
import type { HandshakeDamage } from './damage/handshake.ts'
import { frame, makeFrameReader } from './frames.ts'
import {
  type ClientIntroduction,
  makeNoiseResponder,
  type NoiseResponder,
  type ServerIdentity,
} from './noise.ts'
import { MalformedStanza } from './stanzas.ts'

const SERVER_NAME_CHARACTERS_MAX = 64
/** How long a client may take to answer a close before its socket is cut. */
const CLOSE_GRACE_MS = 2000
/** How long a client may send nothing. Clients ping every 30 s. */
const SILENCE_MS_MAX = 120_000
/** How many messages are kept for a client while the server is hushed. */
const HELD_MAX = 20_000

export interface Connection {
  /** Unique within the simulator. */
  readonly id: number
  /** The other end, as far as it is known: `<server>:<remote port>`. */
  readonly label: string
  send(stanza: BinaryNode): void
  /** Sends bytes that WhatsApp never sends. */
  inject(layer: Layer, bytes: Uint8Array): void
  isOpen(): boolean
  /** Sends `last`, then closes as WhatsApp does. Later stanzas of the client are ignored. */
  end(last?: BinaryNode): void
  /** Ends the TCP connection by a FIN or a RST, without a closing handshake. */
  cut(how: 'fin' | 'reset'): void
  /** Until `speak`, stanzas are neither read nor answered; then all of them are, in order. */
  hush(): void
  speak(): void
  /** From now on stanzas are neither read nor answered, but the socket stays open. */
  silence(): void
  /** Cuts the socket if the client has not answered a close in time, or has been silent too long. */
  expire(nowMs: number): void
}

export interface ConnectionEvents {
  /** @returns the damage that replaces the server's hello, if any */
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
  const voice = makeVoice()

  const write = (bytes: Buffer) => {
    if (ws.readyState === ws.OPEN) ws.send(bytes)
  }

  const connection: Connection = {
    id,
    label: labelOf(request),
    send(stanza) {
      if (stage !== 'open') return
      voice.say(() => write(frame(noise.encrypt(compressed(encodeBinaryNode(stanza))))))
    },
    inject(layer, bytes) {
      if (stage !== 'open') return
      voice.say(() => write(wireOf(noise, layer, bytes)))
    },
    isOpen: () => stage === 'open' && ws.readyState === ws.OPEN,
    hush: voice.hush,
    speak: voice.speak,
    end(last) {
      if (stage === 'ended') return
      voice.forget()
      voice.speak()
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

  const take = async (data: Buffer) => {
    await voice.heard()
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
      // Frames are taken in order, because Noise counts them and no answer may overtake an earlier one.
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

/** Whether the server speaks: while it is hushed, what it would send is held, and what clients send waits. */
function makeVoice() {
  let hushed: PromiseWithResolvers<void> | undefined
  let held: (() => void)[] = []
  return {
    hush() {
      hushed ??= Promise.withResolvers<void>()
    },
    speak() {
      const over = hushed
      hushed = undefined
      for (const said of held.splice(0)) said()
      over?.resolve()
    },
    say(write: () => void) {
      if (!hushed) write()
      else if (held.length < HELD_MAX) held.push(write)
    },
    forget() {
      held = []
    },
    /** Resolves when the server is not hushed. */
    async heard() {
      while (hushed) await hushed.promise
    },
  }
}

const HARMLESS: BinaryNode = { tag: 'ib', attrs: {} }

/** The bytes of a damage as its layer puts them on the wire. */
function wireOf(noise: NoiseResponder, layer: Layer, bytes: Uint8Array): Buffer {
  if (layer === 'sealed') return frame(noise.encrypt(bytes))
  if (layer === 'unsealed') return frame(bytes)
  if (layer === 'wire') return Buffer.from(bytes)
  const sealed = noise.encrypt(encodeBinaryNode(HARMLESS))
  const from = Math.max(0, sealed.length - bytes.length)
  return frame(sealed.map((byte, at) => byte ^ (at < from ? 0 : (bytes[at - from] ?? 0))))
}

function labelOf(request: IncomingMessage): string {
  const server = new URL(request.url ?? '/', 'ws://local').searchParams.get('server')
  return `${server?.slice(0, SERVER_NAME_CHARACTERS_MAX) ?? 'unnamed'}:${request.socket.remotePort ?? 0}`
}

function bufferOf(message: RawData): Buffer {
  if (Array.isArray(message)) return Buffer.concat(message)
  return Buffer.isBuffer(message) ? message : Buffer.from(message)
}
