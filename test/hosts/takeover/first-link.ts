/** The first link of a device while its hosts die: the present owner goes on, and so does the person with the
 *  phone. */
import { systemClock } from '../../../core/clock.ts'
import { systemRandom } from '../../../core/random.ts'
import { requestPairingCode } from '../../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { FRIEND } from './conversation.ts'
import { hostsInTurn } from './hosts-in-turn.ts'
import { DEVICE, deviceRow, type LinkedDevice, newDevice, PHONE, until } from './linked-device.ts'
import type { Death, MortalHost } from './mortal-host.ts'

export interface Link {
  /** `to be linked again`: the phone shows no linked device, and Mooring says so. */
  readonly ended: 'connected' | 'to be linked again'
  /** Linked devices that the phone shows and whose credentials are lost. */
  readonly strays: string[]
  readonly undecryptable: number
  readonly nacked: number
  readonly retries: number
  /** Requests that the first host made until it was connected. */
  readonly requests: number
}

/** @param by whether the person scans the QR or types the code */
export function linkBy(by: 'qr' | 'code'): (death?: Death) => Promise<Link> {
  return async (death) => {
    const device = await newDevice()
    const hosts = await hostsInTurn(device, death, { goesOn: () => permitted(device) })
    const person = by === 'qr' ? scanning(device) : typing(device, hosts.present)
    try {
      const look = async () => {
        const row = await deviceRow(device.store)
        if (row) await person(row)
        return endOf(row, hosts.present(), device)
      }
      const ended = await until('linked', look, () => hosts.faults)
      const requests = hosts.first.requests()
      await hosts.takenOver()
      if (ended === 'connected') {
        await device.simulator.text(PHONE, 'ahoy', FRIEND)
        await until('"ahoy" at the consumer', async () => hosts.got.includes('ahoy'))
      }
      return { ended, ...(await damageOn(device)), requests }
    } finally {
      hosts.end()
      await device.close()
    }
  }
}

async function permitted({ store }: LinkedDevice): Promise<void> {
  await until('a permit', async () => (await deviceRow(store))?.status !== 'assigned')
}

function endOf(row: DeviceRow | undefined, host: MortalHost, { simulator }: LinkedDevice) {
  if (row?.status === 'connected' && host.connection.isConnected()) return 'connected'
  const isUnknown = row?.statusReason === 'WhatsApp does not know of its pairing yet (401)'
  return isUnknown && simulator.accounts().length === 0 ? 'to be linked again' : undefined
}

async function damageOn({ simulator, store }: LinkedDevice) {
  const { account } = (await deviceRow(store)) ?? {}
  const strays = simulator.accounts().flatMap(({ jid }) => (jid === account?.jid ? [] : [jid]))
  const { undecryptable, nacked, retries } = simulator.report().messages
  return { strays, undecryptable, nacked, retries }
}

/** Acts as a person with a phone at each look at the device. A QR or code whose host is gone does not work:
 *  the person then tries the next. */
type Person = (row: DeviceRow) => Promise<void>

function scanning({ simulator }: LinkedDevice): Person {
  const scanned = new Set<string>()
  return async ({ pairing }) => {
    if (!pairing?.qr || scanned.has(pairing.qr)) return
    scanned.add(pairing.qr)
    simulator.scanQr(pairing.qr, PHONE).catch(() => undefined)
  }
}

function typing({ simulator, store }: LinkedDevice, host: () => MortalHost): Person {
  const typed = new Set<string>()
  return async ({ pairing, pairingCodeRequest, status }) => {
    if (pairing?.code && !typed.has(pairing.code)) {
      typed.add(pairing.code)
      simulator.enterCode(PHONE, pairing.code).catch(() => undefined)
    }
    if (pairing?.code || pairingCodeRequest || status !== 'pairing') return
    const request = { phoneNumber: PHONE, requestId: systemRandom.id() }
    const asked = await requestPairingCode(store, systemClock, DEVICE, request).catch(() => undefined)
    if (asked) host().connection.notice(asked)
  }
}
