/** A WhatsApp that refuses what the test says, and devices that meet it. It asserts nothing itself. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import { systemClock } from '../../core/clock.ts'
import { type DeviceId, deviceId } from '../../core/ids.ts'
import { systemRandom } from '../../core/random.ts'
import { protocolSettings } from '../../core/settings.ts'
import type { RunningServer } from '../../hosts/server.ts'
import { type DeviceAnswer, describeDevice } from '../../lambdas/api/device-answer.ts'
import type { Harbour } from './server-under-test.ts'

/** `<failure reason="402" code="102" expire="3600"/>`, for instance. */
export function failure(attrs: Record<string, string>): BinaryNode {
  return { tag: 'failure', attrs }
}

export function streamError(attrs: Record<string, string>, conflict?: string): BinaryNode {
  const content = conflict === undefined ? [] : [{ tag: 'conflict', attrs: { type: conflict } }]
  return { tag: 'stream:error', attrs, content }
}

type LoginAnswer = NonNullable<Harbour['simulator']['refusals']['login']>

/** Every login of that account gets `answer` from now on. @returns what lets it in again, and how often it was refused */
export function refuseLogins(harbour: Harbour, account: string, answer: BinaryNode) {
  let refused = 0
  const lift = answerLogins(harbour, account, () => {
    refused++
    return answer
  })
  return { lift, count: () => refused }
}

/** Logins of clients whose version's last number is below `least` get 405. */
export function refuseVersionsBelow(harbour: Harbour, account: string, least: number): void {
  answerLogins(harbour, account, (_, { userAgent }) =>
    (userAgent?.appVersion?.tertiary ?? 0) < least
      ? failure({ reason: '405', location: 'local' })
      : undefined,
  )
}

function answerLogins({ simulator }: Harbour, account: string, answer: LoginAnswer): () => void {
  const others = simulator.refusals.login
  let isLifted = false
  simulator.refusals.login = (jid, payload) =>
    jid === account && !isLifted ? answer(jid, payload) : others?.(jid, payload)
  return () => {
    isLifted = true
  }
}

/** The next acks have these errors, one each; later ones have none. */
export function refuseSends({ simulator }: Harbour, ...errors: string[]): void {
  simulator.refusals.message = () => errors.shift()
}

export function absent({ simulator }: Harbour, ...phoneNumbers: string[]): void {
  simulator.refusals.isAbsent = (number) => phoneNumbers.includes(number)
}

export interface LinkedDevice {
  readonly device: DeviceId
  /** Its name at the simulator. */
  readonly jid: string
}

export async function aLinkedDevice(
  harbour: Harbour,
  server: RunningServer,
  id: string,
): Promise<LinkedDevice> {
  const device = deviceId(id)
  await harbour.register(device)
  await harbour.give(device, server)
  const { pairing } = await harbour.rowWhen('a QR', device, (row) => row.pairing?.qr !== undefined)
  const { jid } = await harbour.simulator.scanQr(pairing?.qr ?? '')
  await harbour.rowWhen('connected', device, ({ status }) => status === 'connected')
  return { device, jid }
}

/** What `GET /devices/{id}` answers. */
export async function asTheApiTells({ store, row }: Harbour, device: DeviceId): Promise<DeviceAnswer> {
  const world = { store, clock: systemClock, random: systemRandom, settings: protocolSettings() }
  return describeDevice(world, await row(device))
}
