/** The first link of a device while its hosts die: whoever has the device goes on, and so does the person with the phone. */
import { systemClock } from '../../../core/clock.ts'
import type { DeviceRow } from '../../../core/device.ts'
import { serverId } from '../../../core/ids.ts'
import { evict } from '../../../core/ownership.ts'
import { systemRandom } from '../../../core/random.ts'
import { requestPairingCode } from '../../../core/requests.ts'
import type { ReceivedMessage } from '../../../hosts/consumer.ts'
import {
  DEVICE,
  deviceRow,
  give,
  type LinkedDevice,
  newDevice,
  PHONE,
  textOf,
  until,
} from './linked-device.ts'
import { type Death, type MortalHost, startHost } from './mortal-host.ts'

const FRIEND = '15550100101'

export interface Link {
  /** `to be linked again`: the phone shows no linked device, and Mooring says so. */
  readonly ended: 'connected' | 'to be linked again'
  /** Linked devices that the phone shows and whose credentials nobody has. */
  readonly strays: string[]
  readonly undecryptable: number
  readonly nacked: number
  readonly retries: number
  /** Requests that the first host made until it was connected. */
  readonly requests: number
}

/** @param by what the person does with what the device shows */
export function linkBy(by: 'qr' | 'code'): (death?: Death) => Promise<Link> {
  return async (death) => {
    const device = await newDevice()
    const hosts = await startHosts(device, death)
    const person = by === 'qr' ? scanning(device) : typing(device, hosts.present)
    try {
      const ended = await until('linked', async () => {
        const row = await deviceRow(device.store)
        if (row) await person(row)
        return endOf(row, hosts.present(), device)
      })
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

/** The first has the device until it dies, then the second. */
async function startHosts({ simulator, store }: LinkedDevice, death: Death | undefined) {
  const got: string[] = []
  const consumer = {
    async take(_: unknown, messages: readonly ReceivedMessage[]) {
      got.push(...messages.map(textOf))
    },
  }
  const plan = { device: DEVICE, store, url: simulator.url, consumer, failed: () => undefined }
  await give(store, 'server-1')
  const first = startHost({ ...plan, name: 'server-1', death })
  let host = first
  let isOver = false
  const takenOver = first.died.then(async () => {
    if (isOver) return
    await evict(store, systemClock, DEVICE, { serverId: serverId('server-1'), name: 'server-1' })
    await give(store, 'server-2')
    host = startHost({ ...plan, name: 'server-2' })
    await until('a permit', async () => (await deviceRow(store))?.status !== 'assigned')
    await first.applyLate()
  })
  return {
    got,
    first,
    present: () => host,
    async takenOver() {
      if (first.isDead()) await takenOver
    },
    end() {
      isOver = true
      first.die()
      host.die()
    },
  }
}

/** What a person with a phone does at each look at the device. What does not work, as the host that shows it may be gone, is
 *  tried again with what is shown next. */
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
