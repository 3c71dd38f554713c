/** The invariants of credentials. No write of an older epoch is applied after a newer epoch has read or
 *  written. Credentials go only by pairing, logout or deletion. */
import type { AuthItem } from '../../core/store/auth-item-row.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Creds } from './auth.ts'
import type { Accuse } from './invariants.ts'
import type { Memory, Write } from './memory-store.ts'
import type { Wire } from './whatsapp.ts'

export interface AuthFigures {
  /** Writes that were on their way for seconds and were applied after their device had been erased: each
   *  leaves an item that nobody reads. */
  leftBehind: number
}

export function judgeAuth(memory: () => Memory, isLinked: (identity: string) => boolean, accuse: Accuse) {
  const newest = new Map<string, number>()
  /** Identities whose credentials were stored, and whose phone has agreed. */
  const stored = new Set<string>()
  const figures: AuthFigures = { leftBehind: 0 }
  const idOf = (device: string, key: string) => `${device} ${key}`

  function touched(device: string, key: string, epoch: number): void {
    const id = idOf(device, key)
    newest.set(id, Math.max(newest.get(id) ?? 0, epoch))
  }

  function item({ before, after }: { before?: AuthItem; after?: AuthItem }): void {
    const { deviceId, key } = (after ?? before) as AuthItem
    const row = memory().get('Devices', { deviceId })
    // The item was erased with its device. A later write under this key starts a new history.
    if (!after) newest.delete(idOf(deviceId, key))
    if (after) {
      const seen = newest.get(idOf(deviceId, key)) ?? 0
      if (after.epoch < seen) {
        accuse(
          '4 no stale write',
          `${deviceId} ${key}: written under epoch ${after.epoch} after epoch ${seen} had it`,
        )
      }
      touched(deviceId, key, after.epoch)
      if (!row) figures.leftBehind += 1
      if (before?.epoch === after.epoch && countOf(after) < countOf(before)) {
        accuse(
          '4 no write undoes a later one',
          `${deviceId} ${key}: a write that was given up was applied late`,
        )
      }
    }
    const creds = credsIn(after)
    if (creds?.account) stored.add(creds.identity)
    const isPresent = row !== undefined && !row.deleting && key.startsWith(`${row.credentialsId}/`)
    const was = credsIn(before)
    if (isPresent && was?.account && isLinked(was.identity) && creds?.identity !== was.identity) {
      accuse('8 credentials are not lost', `${deviceId} ${key}: linked credentials were replaced`)
    }
  }

  /** The row names its credentials, so a new name sets the old ones aside. */
  function device({ before, after }: { before?: DeviceRow; after?: DeviceRow }): void {
    if (!before || !after || before.credentialsId === after.credentialsId || before.logout) return
    if (after.status === 'logged_out' && after.statusReason === 'logged out by the operator') return
    const creds = credsIn(
      memory().get('AuthState', { deviceId: before.deviceId, key: `${before.credentialsId}/creds` }),
    )
    if (creds?.account && isLinked(creds.identity)) {
      accuse('8 credentials are not lost', `${before.deviceId}: linked credentials were set aside`)
    }
  }

  return {
    figures,
    read: touched,
    linked({ device: id, identity }: Pick<Wire, 'device' | 'identity'>): void {
      if (!stored.has(identity))
        accuse('8 no link without credentials', `${id}: its credentials stood nowhere`)
    },
    written({ table, before, after }: Write): void {
      const change = { ...(before ? { before } : {}), ...(after ? { after } : {}) }
      if (table === 'AuthState') item(change as unknown as Parameters<typeof item>[0])
      if (table === 'Devices') device(change as unknown as Parameters<typeof device>[0])
    },
  }
}

function credsIn(item: AuthItem | undefined): Creds | undefined {
  return item?.value !== undefined && item.key.endsWith('/creds')
    ? (JSON.parse(item.value) as Creds)
    : undefined
}

function countOf(item: AuthItem): number {
  return item.value === undefined ? 0 : (JSON.parse(item.value) as { n: number }).n
}
