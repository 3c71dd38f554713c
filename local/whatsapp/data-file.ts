/** The state that survives a restart: phones with their Signal sessions and sender keys, linked devices with
 *  their queued messages, and groups. It is one JSON file, replaced as a whole. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { BufferJSON } from '@whiskeysockets/baileys'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Account, Accounts } from './accounts.ts'
import type { Groups, SavedGroup } from './groups.ts'
import type { Phones, SavedPhone } from './phones.ts'
import { makePreKeyShelf } from './prekeys.ts'

const FORMAT_VERSION = 1
/** Changes come in bursts, and one write covers a burst. A crash loses the changes of at most this time. */
const SAVE_AFTER_MS = 1000
/** The file holds private keys of simulated phones. */
const OWNER_ONLY = 0o600

type SavedAccount = Omit<Account, 'preKeys'> & { readonly preKeys: string }

/** The parts of the simulator that the file holds. */
export interface Kept {
  readonly accounts: Accounts
  readonly phones: Phones
  readonly groups: Groups
}

interface SavedState {
  readonly version: number
  readonly phones: readonly SavedPhone[]
  readonly accounts: readonly SavedAccount[]
  /** Absent in older files, which kept no groups. */
  readonly groups?: readonly SavedGroup[]
}

export interface DataFile {
  changed(): void
  /** Writes the last changes; later changes are ignored. */
  close(): Promise<void>
}

export const NO_DATA_FILE: DataFile = { changed: () => undefined, close: () => Promise.resolve() }

/** @throws Error when the file exists but this version has not written it */
export async function loadState(path: string, { accounts, phones, groups }: Kept): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return
  const state = JSON.parse(text, BufferJSON.reviver) as SavedState
  if (state.version !== FORMAT_VERSION) throw new Error(`${path} is not a data file of this simulator`)
  phones.restore(state.phones)
  for (const saved of state.accounts) accounts.add({ ...saved, preKeys: makePreKeyShelf(saved.preKeys) })
  groups.restore(state.groups ?? [])
}

export function openDataFile(path: string, kept: Kept, clock: Clock): DataFile {
  let timer: Timer | undefined
  let dirty = false
  let closed = false
  let writing = Promise.resolve()

  const save = () => {
    timer?.cancel()
    timer = undefined
    writing = writing.then(async () => {
      if (!dirty) return
      dirty = false
      await writeFile(`${path}.new`, serialise(kept), { mode: OWNER_ONLY })
      await rename(`${path}.new`, path)
    })
    return writing
  }
  return {
    changed() {
      if (closed) return
      dirty = true
      timer ??= clock.startTimer(SAVE_AFTER_MS, save)
    },
    async close() {
      closed = true
      await save()
    },
  }
}

function serialise({ accounts, phones, groups }: Kept): string {
  const saved = accounts.all().map(({ preKeys, queue, ...account }) => ({
    ...account,
    preKeys: preKeys.packed(),
    queue: queue.map(({ sentOver: _, ...message }) => message),
  }))
  const state: SavedState = {
    version: FORMAT_VERSION,
    phones: phones.save(),
    accounts: saved,
    groups: groups.save(),
  }
  return JSON.stringify(state, BufferJSON.replacer)
}
