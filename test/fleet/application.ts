/** The operator's application in a test. It takes each message that a fleet posts, and remembers their
 *  order. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ReceivedMessage } from '../../hosts/whatsapp/received-message.ts'

export interface TestApplication {
  readonly url: string
  /** The messages of a device in the order in which they came. A message that came twice is there twice. */
  of(device: string): readonly ReceivedMessage[]
  close(): void
}

export async function startApplication(): Promise<TestApplication> {
  const byDevice = new Map<string, ReceivedMessage[]>()
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const { deviceId, ...message } = JSON.parse(body) as ReceivedMessage & { deviceId: string }
    byDevice.set(deviceId, [...(byDevice.get(deviceId) ?? []), message])
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages`,
    of: (device) => byDevice.get(device) ?? [],
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

export function textOf({ message }: ReceivedMessage): string {
  return (message as { conversation?: string }).conversation ?? ''
}

/** Each message once, where it came first. */
export function firstTimes(messages: readonly ReceivedMessage[]): ReceivedMessage[] {
  return [...new Map(messages.toReversed().map((message) => [message.messageId, message])).values()].reverse()
}
