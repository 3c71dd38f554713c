/** The name of a write in docs/protocol.md, told by its shape. Traps and traces use it. */
import type { Change, Table } from '../../core/store/store.ts'

interface Shape {
  readonly set?: Readonly<Record<string, unknown>>
  readonly add?: Readonly<Record<string, number>>
  readonly remove?: readonly string[]
  readonly when: readonly { readonly is: string; readonly attribute?: string }[]
}

export function nameOfPut(table: Table): string {
  if (table === 'AuthState') return 'auth-write'
  return table === 'Servers' ? 'announce' : table === 'Devices' ? 'register' : `put-${table}`
}

export function nameOfUpdate(table: Table, change: Change<never>): string {
  const shape = change as unknown as Shape
  if (table === 'AuthState') return 'fence-read'
  if (table === 'Servers') return nameOfServerUpdate(shape)
  return table === 'Devices' ? nameOfDeviceUpdate(shape) : `update-${table}`
}

function nameOfServerUpdate({ set = {}, add = {} }: Shape): string {
  if (add.beat !== undefined) return 'beat'
  if (set.heldBy !== undefined) return 'hold'
  if (add.load !== undefined) return add.load > 0 ? 'reserve' : 'unreserve'
  if (set.load !== undefined) return 'correct-load'
  if (add.assignmentSeq !== undefined) return 'notify'
  const byState: Readonly<Record<string, string>> = {
    active: 'activate',
    draining: 'drain',
    dead: 'bury',
    stopped: 'leave',
  }
  return byState[String(set.state)] ?? 'update-Servers'
}

function nameOfDeviceUpdate({ set = {}, add = {}, remove = [], when }: Shape): string {
  if (add.epoch !== undefined && set.status === 'connecting') return 'permit'
  if (set.claimId !== undefined) return 'claim'
  if (set.moveTo !== undefined) return 'request-move'
  const isFenced = when.some(({ is, attribute }) => is === 'equals' && attribute === 'epoch')
  if (remove.includes('owner')) return isFenced ? 'release' : 'evict'
  return isFenced ? 'report' : 'request'
}
