/** Lets WhatsApp do the wrongs of the plan, and writes the devices that they struck into the record. */
import { type Clock, sleep } from '../../core/clock.ts'
import type { Evil } from './evil-plan.ts'
import type { ChaosFleet, LinkedDevice } from './fleet.ts'
import type { ChaosRecord } from './record.ts'
import { CONTACTS, contactOf } from './texting.ts'

/** A device has stored by then how to connect the next time. */
const BEFORE_LOGIN_MS = 500
const TOLD_CHARACTERS_MAX = 400

export interface Evildoer {
  /** Resolves when it is over.
   *  @returns what struck and how often, or undefined when no device was there */
  strike(evil: Evil): Promise<{ readonly what: string; readonly times: number } | undefined>
  /** Ends every misdeed under way. */
  calm(): void
}

const KINDS: readonly string[] = [
  'damage',
  'misdeed',
  'texted by LID',
  'texted in a group',
  'asked again',
] satisfies Evil['kind'][]

export function isEvil(fault: { readonly kind: string }): fault is Evil {
  return KINDS.includes(fault.kind)
}

export function createEvildoer(
  fleet: Pick<ChaosFleet, 'simulator' | 'linked' | 'start'>,
  record: ChaosRecord,
  clock: Clock,
): Evildoer {
  const { simulator } = fleet
  const over = new AbortController()
  const underWay = new Set<string>()
  const strikes = new Map<string, number>()
  const groups = new Map<string, string>()

  function online(): LinkedDevice[] {
    const open = new Set(simulator.accounts().flatMap(({ jid, connectedTo }) => (connectedTo ? [jid] : [])))
    return fleet.linked().filter(({ jid }) => open.has(jid))
  }

  /** A device that was struck least among those that nothing strikes at the moment. A device that stalls
   *  again and again is healed more and more rarely. */
  function victim(fraction: number): LinkedDevice | undefined {
    const free = online().filter(({ jid }) => !underWay.has(jid))
    const struck = ({ jid }: LinkedDevice) => strikes.get(jid) ?? 0
    const least = Math.min(...free.map(struck))
    return pick(
      free.filter((device) => struck(device) === least),
      fraction,
    )
  }

  async function provoke(device: LinkedDevice, how: 'login' | 'text' | undefined): Promise<void> {
    if (how === 'text') await simulator.text(device.jid, `struck at ${clock.wallMs()}`, CONTACTS[0])
    if (how !== 'login') return
    await sleep(clock, BEFORE_LOGIN_MS, over.signal)
    // The socket may have closed at this moment. The device logs in anyway.
    if (online().some(({ jid }) => jid === device.jid)) simulator.breakConnection(device.jid, '428')
  }

  async function misbehave(evil: Extract<Evil, { kind: 'misdeed' }>) {
    const device = evil.pick === undefined ? undefined : victim(evil.pick)
    if (evil.pick !== undefined && !device) return undefined
    const { id } = simulator.misbehave(device?.jid ?? '*', evil.misdeed)
    // A wrong to every device strikes each of them: a socket that ends by it was not lost to another device.
    // A damaged hello can meet any device, because before the handshake the simulator does not always know
    // which one connects.
    const meetsOne = evil.misdeed.what !== 'login-damage' || evil.misdeed.phase !== 'hello'
    const struck = device && meetsOne ? [device] : fleet.linked()
    const ends = struck.map(({ jid }) => record.strikeDevice(jid, evil.what))
    if (device) {
      underWay.add(device.jid)
      strikes.set(device.jid, (strikes.get(device.jid) ?? 0) + 1)
    }
    record.tell(
      `${device?.deviceId ?? 'everybody'}: ${evil.what} for ${(evil.lastsMs / 1000).toFixed(1)} s ` +
        JSON.stringify(evil.misdeed),
    )
    const lasting = sleep(clock, evil.lastsMs, over.signal)
    try {
      if (device) await provoke(device, evil.provoke)
      await lasting
    } finally {
      simulator.lift(id)
      for (const end of ends) end()
      if (device) underWay.delete(device.jid)
    }
    if (device && evil.startedAfter) await fleet.start?.(device.deviceId)
    return { what: evil.what, times: 1 }
  }

  async function damage({ pick: fraction, damage: damages, everyMs }: Extract<Evil, { kind: 'damage' }>) {
    const device = pick(online(), fraction)
    if (!device) return undefined
    const end = record.strikeDevice(device.jid, 'damage')
    try {
      const { sent } = await simulator.damage(device.jid, damages, { everyMs })
      const names = sent.map(({ name }) => name).join(' | ')
      record.tell(`${device.deviceId} gets ${sent.length} damages: ${names.slice(0, TOLD_CHARACTERS_MAX)}`)
      return { what: 'damaged stanzas, frames and payloads', times: sent.length }
    } finally {
      end()
    }
  }

  /** Besides the device a group has contacts alone: two devices would answer each other's answers without
   *  end. */
  function groupOf({ jid }: LinkedDevice, addressing: 'pn' | 'lid'): string | undefined {
    const known = groups.get(jid)
    const phoneNumber = simulator.accounts().find((account) => account.jid === jid)?.phoneNumber
    if (known !== undefined || phoneNumber === undefined) return known
    const group = simulator.createGroup('chaos', [...CONTACTS, phoneNumber], addressing)
    groups.set(jid, group.jid)
    return group.jid
  }

  async function speak(evil: Exclude<Evil, { kind: 'misdeed' | 'damage' }>) {
    const device = pick(fleet.linked(), evil.pick)
    if (!device) return undefined
    if (evil.kind === 'texted by LID') {
      const address = { from: contactOf(evil.contact), addressing: 'lid', alternate: evil.alternate } as const
      await simulator.texts(device.jid, [`by LID at ${clock.wallMs()}`], address)
    } else if (evil.kind === 'texted in a group') {
      const group = groupOf(device, evil.byLid ? 'lid' : 'pn')
      if (group === undefined) return undefined
      await simulator.groupText(group, `in a group at ${clock.wallMs()}`, contactOf(evil.contact))
    } else {
      const text = simulator.received(device.jid).findLast(({ group }) => group === undefined)
      if (!text) return undefined
      await simulator.askAgain(device.jid, { id: text.id, from: text.to, byLid: evil.byLid })
    }
    return { what: evil.kind, times: 1 }
  }

  return {
    async strike(evil) {
      if (evil.kind === 'misdeed') return misbehave(evil)
      return evil.kind === 'damage' ? damage(evil) : speak(evil)
    },
    calm: () => over.abort(),
  }
}

function pick<Item>(items: readonly Item[], fraction: number): Item | undefined {
  return items[Math.floor(fraction * items.length)]
}
