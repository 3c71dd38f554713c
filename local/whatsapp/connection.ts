/** One client's socket: handshake, stanzas in order, and every way in which it can end. It knows no accounts. */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, proto } from '@whiskeysockets/baileys'
import type { RawData, WebSocket } from 'ws'
import { compressed } from './compression.ts'
import { frame, makeFrameReader } from './frames.ts'
import { type ClientIntroduction, makeNoiseResponder, type ServerIdentity } from './noise.ts'
import { MalformedStanza } from './stanzas.ts'

const SERVER_NAME_CHARACTERS_MAX = 64
/** How long a client may take to answer a close before its socket is cut. */
const CLOSE_GRACE_MS = 2000
/** How long a client may send nothing. Clients ping every 30 s. */
const SILENCE_MS_MAX = 120_000

export interface Connection {
  /** Unique within the simulator. */
  readonly id: number
  /** Who is at the other end, as far as known: `<server>:<remote port>`. */
  readonly label: string
  send(stanza: BinaryNode): void
  /** Sends `last`, then closes as WhatsApp does. Nothing that the client sends afterwards is heard. */
  end(last?: BinaryNode): void
  /** Ends the TCP connection without a word: a FIN, or a RST. */
  cut(how: 'fin' | 'reset'): void
  /** From now on the client is neither heard nor answered, but the socket stays open. */
  silence(): void
  /** Cuts the socket if its time has come: the client did not answer a close, or has been silent too long. */
  expire(nowMs: number): void
}

export interface ConnectionEvents {
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
  const readFrames = makeFrameReader()
  let stage: 'hello' | 'finish' | 'open' | 'silent' | 'ended' = 'hello'
  let endedAtMs: number | undefined
  let heardAtMs = nowMs()
  let inbox = Promise.resolve()

  const connection: Connection = {
    id,
    label: labelOf(request),
    send(stanza) {
      if (stage !== 'open' || ws.readyState !== ws.OPEN) return
      ws.send(frame(noise.encrypt(compressed(encodeBinaryNode(stanza)))))
    },
    end(last) {
      if (stage === 'ended') return
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
    if (stage === 'hello') {
      const { clientHello } = proto.HandshakeMessage.decode(data)
      if (!clientHello?.ephemeral) throw new MalformedStanza('no client hello')
      ws.send(frame(noise.hello(clientHello.ephemeral)))
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

function labelOf(request: IncomingMessage): string {
  const server = new URL(request.url ?? '/', 'ws://local').searchParams.get('server')
  return `${server?.slice(0, SERVER_NAME_CHARACTERS_MAX) ?? 'unnamed'}:${request.socket.remotePort ?? 0}`
}

function bufferOf(message: RawData): Buffer {
  if (Array.isArray(message)) return Buffer.concat(message)
  return Buffer.isBuffer(message) ? message : Buffer.from(message)
}
