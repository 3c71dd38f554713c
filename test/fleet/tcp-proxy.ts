/** A TCP proxy in front of the database, to cut one server off from it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly endpoint: string
  /** Nothing passes any more, in either direction, and nobody is told: packets are lost, as in a partition. */
  cut(): void
  /** New connections pass again; those of before are reset. */
  mend(): void
  close(): Promise<void>
}

export async function startProxy(targetEndpoint: string): Promise<TcpProxy> {
  const target = Number(new URL(targetEndpoint).port)
  const sockets = new Set<Socket>()
  let isCut = false

  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  }
  const pass = (from: Socket, to: Socket) => {
    from.on('data', (bytes) => {
      if (!isCut) to.write(bytes)
    })
    from.once('close', () => to.destroy())
  }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    keep(client)
    keep(upstream)
    pass(client, upstream)
    pass(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const dropAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      isCut = true
    },
    mend() {
      isCut = false
      dropAll()
    },
    async close() {
      dropAll()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
