/** The first link of a device while its hosts die: whoever has the device goes on, and a person scans whatever QR it shows. */
import { systemClock } from '../../../core/clock.ts'
import type { DeviceRow } from '../../../core/device.ts'
import { serverId } from '../../../core/ids.ts'
import { evict } from '../../../core/ownership.ts'
import type { ReceivedMessage } from '../../../hosts/consumer.ts'
import { DEVICE, deviceRow, give, newDevice, PHONE, textOf, until } from './linked-device.ts'
import { type Death, type MortalHost, startHost } from './mortal-host.ts'

const FRIEND = '15550100101'

export interface Link {
  /** `to be scanned again`: the phone shows no linked device, and Mooring says so. */
  readonly ended: 'connected' | 'to be scanned again'
  /** Linked devices that the phone shows and whose credentials nobody has. */
  readonly strays: string[]
  readonly undecryptable: number
  readonly nacked: number
  readonly retries: number
  /** Requests that the first host made until it was connected. */
  readonly requests: number
}

export async function linkOnce(death?: Death): Promise<Link> {
  const { simulator, store, close } = await newDevice()
  const got: string[] = []
  const consumer = {
    async take(_: unknown, messages: readonly ReceivedMessage[]) {
      got.push(...messages.map(textOf))
    },
  }
  const plan = { device: DEVICE, store, url: simulator.url, consumer, failed: () => undefined }
  const hostNamed = (name: string, dying?: Death) => startHost({ ...plan, name, death: dying })
  const scanned = new Set<string>()

  await give(store, 'server-1')
  const first = hostNamed('server-1', death)
  let host: MortalHost = first
  let isOver = false
  const takenOver = first.died.then(async () => {
    if (isOver) return
    await evict(store, systemClock, DEVICE, { serverId: serverId('server-1'), name: 'server-1' })
    await give(store, 'server-2')
    host = hostNamed('server-2')
    await until('a permit', async () => (await deviceRow(store))?.status !== 'assigned')
    await first.applyLate()
  })

  /** Scans what is shown. @returns how it ended, if it has */
  async function look(row: DeviceRow | undefined): Promise<Link['ended'] | undefined> {
    const qr = row?.pairing?.qr
    if (qr && !scanned.has(qr)) {
      scanned.add(qr)
      // The host that shows it may be gone: then the phone says that it did not work.
      simulator.scanQr(qr, PHONE).catch(() => undefined)
    }
    if (row?.status === 'connected' && host.connection.isConnected()) return 'connected'
    const isUnknown = row?.statusReason === 'WhatsApp does not know of its pairing yet (401)'
    return isUnknown && simulator.accounts().length === 0 ? 'to be scanned again' : undefined
  }

  try {
    const ended = await until(
      'linked',
      async () => look(await deviceRow(store)),
      () => simulator.report(),
    )
    const requests = first.requests()
    if (first.isDead()) await takenOver
    if (ended === 'connected') {
      await simulator.text(PHONE, 'ahoy', FRIEND)
      await until(
        '"ahoy"',
        async () => got.includes('ahoy'),
        () => simulator.report(),
      )
    }
    const { account } = (await deviceRow(store)) ?? {}
    const strays = simulator.accounts().flatMap(({ jid }) => (jid === account?.jid ? [] : [jid]))
    const { undecryptable, nacked, retries } = simulator.report().messages
    return { ended, strays, undecryptable, nacked, retries, requests }
  } finally {
    isOver = true
    first.die()
    host.die()
    await close()
  }
}
