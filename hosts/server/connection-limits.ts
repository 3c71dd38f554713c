/** Limits the connections of an HTTP server: their number, and the time of each step. A client can therefore
 *  keep no connection open by sending a byte now and then, or by never reading its answer. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'

/** How often Node looks for late requests; its own default is 30 s. */
const LOOK_EVERY_MS = 500
/** Node adds a second: a client that was told this time must not meet a closed connection. */
const IDLE_MS_MAX = 4000
/** The connection is cut when the client has not read its answer within this time. */
const UNREAD_MS_MAX = 5000
/** Requests of one connection that may wait for their answers. */
const PIPELINED_MAX = 8

export interface ConnectionLimits {
  /** From the first byte of a request, or the start of the connection, to the last byte of the headers. */
  readonly headersMsMax: number
  /** From the same moment to the last byte of the body. */
  readonly requestMsMax: number
  readonly headerBytesMax: number
  readonly connectionsMax: number
  readonly connectionsOfOneRemoteMax: number
}

export type Dropped = 'too many connections' | 'too slow' | 'answers not read' | 'too many requests at once'

/** @param dropped is told of each connection that a limit has ended */
export function createLimitedServer(
  limits: ConnectionLimits,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  dropped: (why: Dropped) => void,
): Server {
  const options: ServerOptions = {
    connectionsCheckingInterval: LOOK_EVERY_MS,
    headersTimeout: limits.headersMsMax,
    requestTimeout: limits.requestMsMax,
    keepAliveTimeout: IDLE_MS_MAX,
    maxHeaderSize: limits.headerBytesMax,
  }
  const waiting = new WeakMap<Socket, number>()
  const latest = new WeakMap<Socket, ServerResponse>()
  const byRemote = new Map<string, number>()

  const server = createServer(options, (request, response) => {
    const { socket } = request
    const pipelined = (waiting.get(socket) ?? 0) + 1
    waiting.set(socket, pipelined)
    if (pipelined > PIPELINED_MAX) return drop(socket, 'too many requests at once')
    latest.set(socket, response)
    response.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1))
    cutUnread(response, () => drop(socket, 'answers not read'))
    answer(request, response)
  })

  function drop(socket: Socket, why: Dropped): void {
    if (socket.destroyed) return
    socket.destroy()
    dropped(why)
  }

  server.maxConnections = limits.connectionsMax
  server.on('drop', () => dropped('too many connections'))
  server.on('connection', (socket: Socket) => {
    const remote = socket.remoteAddress ?? ''
    const count = (byRemote.get(remote) ?? 0) + 1
    byRemote.set(remote, count)
    socket.once('close', () => {
      const left = (byRemote.get(remote) ?? 1) - 1
      if (left > 0) byRemote.set(remote, left)
      else byRemote.delete(remote)
    })
    if (count > limits.connectionsOfOneRemoteMax) drop(socket, 'too many connections')
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    if (isLate) dropped('too slow')
    // Nothing may follow an answer that is not complete, or that announced the end. These bytes are the rest
    // of a request that was not read.
    if (socket.bytesWritten > 0 && !takesFurtherAnswer(latest.get(socket))) {
      socket.destroySoon()
      return
    }
    const status = isLate ? '408 Request Timeout' : statusOf(error.code)
    if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
    socket.destroy()
  })
  return server
}

function takesFurtherAnswer(response: ServerResponse | undefined): boolean {
  return response?.writableFinished === true && response.getHeader('connection') !== 'close'
}

function statusOf(code: string | undefined): string {
  return code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
}

/** The client's time to read the answer counts from the answer's end. */
function cutUnread(response: ServerResponse, cut: () => void): void {
  const late = new AbortController()
  response.once('prefinish', () => {
    const signal = AbortSignal.timeout(UNREAD_MS_MAX)
    signal.addEventListener('abort', cut, { signal: late.signal })
  })
  response.once('close', () => late.abort())
}
