/** A WhatsApp that refuses logins as the test says, and devices that meet it. The scene asserts nothing
 *  itself. */
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import { systemRandom } from '../../../core/random.ts'
import { protocolSettings } from '../../../core/settings.ts'
import type { RunningServer } from '../../../hosts/server/server.ts'
import { type DeviceAnswer, describeDevice } from '../../../lambdas/api/answers/device.ts'
import type { Misdeed } from '../../../local/whatsapp/misdeeds.ts'
import type { Harbour } from '../server/server-under-test.ts'

export type Refusal = Omit<Extract<Misdeed, { readonly what: 'refuse-login' }>, 'what'>

/** `<failure reason="402" code="102" expire="3600"/>`, for instance. */
export function failure(reason?: number, attrs: Record<string, string> = {}): Refusal {
  return {
    ...(reason === undefined ? {} : { reason: String(reason) }),
    attrs: { location: 'local', ...attrs },
  }
}

export function streamError(code?: number, conflict?: string): Refusal {
  return { tag: 'stream:error', ...(code === undefined ? {} : { reason: String(code) }), conflict }
}

/** Every login of that account gets `answer` from now on. */
export function refuseLogins({ simulator }: Harbour, account: string, answer: Refusal) {
  const { id } = simulator.misbehave(account, { what: 'refuse-login', ...answer })
  const count = () => simulator.misdeeds().find((misdeed) => misdeed.id === id)?.used
  return {
    count,
    /** Lets the account in again. @returns how often it was refused */
    lift() {
      const refused = count()
      simulator.lift(id)
      return refused
    },
  }
}

/** Logins of clients with a lower version get 405. */
export function refuseVersionsBelow({ simulator }: Harbour, account: string, below: string): void {
  simulator.misbehave(account, { what: 'outdated', below })
}

/** The next acks have these errors, one each; later ones have none. */
export function refuseSends({ simulator }: Harbour, account: string, ...errors: number[]): void {
  for (const error of errors) simulator.misbehave(account, { what: 'ack', answer: { error } }, { times: 1 })
}

export function absent({ simulator }: Harbour, account: string, number: string): void {
  simulator.misbehave(account, { what: 'not-on-whatsapp', number })
}

export interface LinkedDevice {
  readonly device: DeviceId
  /** The account's name at the simulator. */
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

/** The answer of `GET /devices/{id}`. */
export async function asTheApiTells({ store, row }: Harbour, device: DeviceId): Promise<DeviceAnswer> {
  const world = { store, clock: systemClock, random: systemRandom, settings: protocolSettings() }
  return describeDevice(world, await row(device))
}
