/** Texts to devices and their answers. Each text changes the auth state, and the last texts show whether it
 *  is whole. */
import { type Clock, sleep } from '../../core/clock.ts'
import { answerTo } from './answering/answer.ts'
import type { ChaosFleet, LinkedDevice, Missing } from './fleet.ts'

/** Few contacts, so that each has a session with many devices. */
export const CONTACTS = ['1555019900001', '1555019900002', '1555019900003'] as const
const LAST_ANSWERS_MS_MAX = 90_000
const LOOK_EVERY_MS = 250

/** @param pick the device, as a fraction of their number
 *  @param contact likewise */
export async function textSomebody(fleet: ChaosFleet, pick: number, contact: number): Promise<void> {
  const devices = fleet.linked()
  const device = devices[Math.floor(pick * devices.length)]
  if (!device) return
  await fleet.simulator.text(device.jid, `at ${Math.round(pick * 1e9)}`, contactOf(contact))
}

export interface LastWords {
  readonly asked: number
  /** Devices whose answer did not come back. */
  readonly unanswered: readonly Missing[]
}

/** Every device gets a text from a contact with whom it may have a session, and has to answer it. */
export async function lastWords(fleet: ChaosFleet, clock: Clock, stop: AbortSignal): Promise<LastWords> {
  const devices = fleet.linked()
  const textOf = ({ deviceId }: LinkedDevice) => `last words for ${deviceId}`
  for (const [at, device] of devices.entries())
    await fleet.simulator.text(device.jid, textOf(device), contactOf(at / devices.length))
  const begun = clock.mark()
  const unanswered = () =>
    devices.filter((device) => {
      const wanted = answerTo(textOf(device))
      return !fleet.simulator.received(device.jid).some(({ text }) => text === wanted)
    })
  while (unanswered().length > 0 && clock.elapsedMs(begun) < LAST_ANSWERS_MS_MAX && !stop.aborted)
    await sleep(clock, LOOK_EVERY_MS, stop)
  const queued = new Map(fleet.simulator.accounts().map((account) => [account.jid, account.queued]))
  return {
    asked: devices.length,
    unanswered: unanswered().map(({ deviceId, jid }) => ({
      deviceId,
      why: queued.get(jid)
        ? 'it has not taken the text'
        : 'it has taken or refused the text, and no answer could be read',
    })),
  }
}

export interface TextsWaiting {
  /** Texts that their device has not taken yet. */
  readonly forDevices: number
  /** Texts whose device the fleet has removed. For WhatsApp the device is still linked. */
  readonly forRemoved: number
}

export function textsWaiting(fleet: ChaosFleet): TextsWaiting {
  const present = new Set(fleet.linked().map(({ jid }) => jid))
  const queued = (isPresent: boolean) =>
    fleet.simulator
      .accounts()
      .filter(({ jid }) => present.has(jid) === isPresent)
      .reduce((sum, account) => sum + account.queued, 0)
  return { forDevices: queued(true), forRemoved: queued(false) }
}

export function contactOf(fraction: number): string {
  return CONTACTS[Math.floor(fraction * CONTACTS.length)] ?? CONTACTS[0]
}
