/** Makes the calls of each act to an auth state again, one after the other, and takes the time. */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type AuthenticationCreds, type SignalKeyStore, useMultiFileAuthState } from '@whiskeysockets/baileys'
import { systemClock } from '../../core/clock.ts'
import { deviceId, epoch } from '../../core/ids.ts'
import type { Store } from '../../core/store/store.ts'
import { openAuthState } from '../../hosts/auth-state/auth-state.ts'
import type { Inbox } from '../../hosts/auth-state/inbox.ts'
import type { KeyWrapping } from '../../hosts/auth-state/keys/wrapping.ts'
import type { Act } from './acts.ts'
import type { Call } from './calls.ts'

interface Opened {
  readonly state: { readonly creds: AuthenticationCreds; readonly keys: SignalKeyStore }
  readonly inbox?: Pick<Inbox, 'keep' | 'take'>
  saveCreds(): Promise<void>
}

/** The auth state of one device, from its first opening to its end. */
export interface Subject {
  open(): Promise<Opened>
  end(): Promise<void>
}

export function mooringSubject(store: Store, wrapping: KeyWrapping): Subject {
  const device = deviceId(randomUUID())
  let opened = 0
  return {
    open() {
      opened += 1
      return openAuthState({
        ...{ store, clock: systemClock, telemetry: { emit: () => undefined }, wrapping, device },
        ...{ renewDataKeysAfterDays: 365, credentialsId: 'c', epoch: epoch(opened), everPaired: opened > 1 },
        ...{ mayWrite: () => true, onStale: () => undefined },
      })
    },
    end: async () => undefined,
  }
}

export function multiFileSubject(parent: string): Subject {
  const folder = join(parent, randomUUID())
  return {
    open: () => useMultiFileAuthState(folder),
    end: () => rm(folder, { recursive: true }),
  }
}

/** @returns how long each act took, in ms */
export async function replay(acts: readonly Act[], subject: Subject): Promise<number[]> {
  const times: number[] = []
  let opened: Opened | undefined
  for (const { calls } of acts) {
    const begun = performance.now()
    for (const call of calls) opened = await ask(subject, opened, call)
    times.push(performance.now() - begun)
  }
  await subject.end()
  return times
}

async function ask(subject: Subject, opened: Opened | undefined, call: Call): Promise<Opened> {
  if (call.ask === 'open') return subject.open()
  if (!opened) throw new Error('the first act must open the auth state')
  const { state, inbox } = opened
  if (call.ask === 'get') await state.keys.get(call.type, call.ids)
  if (call.ask === 'set') await state.keys.set(call.data)
  if (call.ask === 'keep') await inbox?.keep(call.kept)
  if (call.ask === 'take') await inbox?.take(call.hashes)
  if (call.ask === 'save') {
    Object.assign(state.creds, call.creds)
    await opened.saveCreds()
  }
  return opened
}

/** Replays the acts with Mooring and with Baileys' files. The two take turns, and so does which of them
 *  begins. */
export async function interleave(
  acts: readonly Act[],
  rounds: number,
  subjects: { mooring(): Subject; multiFile(): Subject },
): Promise<{ readonly mooring: number[][]; readonly multiFile: number[][] }> {
  const times = { mooring: [] as number[][], multiFile: [] as number[][] }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 ? (['mooring', 'multiFile'] as const) : (['multiFile', 'mooring'] as const)
    for (const name of order) times[name].push(await replay(acts, subjects[name]()))
  }
  return times
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}
