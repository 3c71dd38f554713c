/** Which server owned each device when, and which epoch wrote each item of the auth state, as the database
 *  saw it. The watch hears every request at the database itself, also requests whose answers never
 *  arrived. */
import type { DatabaseExchange } from '../../local/database.ts'

export interface Ownership {
  readonly atMs: number
  /** Absent: nobody. */
  readonly owner?: string
}

export interface StaleWrite {
  readonly atMs: number
  readonly deviceId: string
  readonly epoch: number
  readonly newest: number
}

/** A server's own words on the end of a device's socket. */
export interface SaidEnd {
  readonly atMs: number
  readonly deviceId: string
  readonly server: string | undefined
  readonly why: string
}

export interface DatabaseWatch {
  hear(exchange: DatabaseExchange): void
  /** Writes of an older epoch that were applied after a newer one had written or read the item. Must be
   *  none. */
  readonly staleAccepted: readonly StaleWrite[]
  readonly staleRefused: readonly StaleWrite[]
  readonly authWrites: number
  readonly saidEnds: readonly SaidEnd[]
  /** How often a device got another server than before. */
  readonly moves: number
  ownerOf(deviceId: string, atMs: number): string | undefined
  /** The owner at `fromMs` and each owner after it. `undefined`: nobody. */
  ownersBetween(deviceId: string, fromMs: number, untilMs: number): (string | undefined)[]
  /** Whether a device was given to such a server in that time. */
  hasAssigned(isMeant: (server: string) => boolean, fromMs: number, untilMs: number): boolean
  /** The device that was linked as this account. */
  deviceOf(account: string): string | undefined
}

/** The tables to watch. The naive fleet has other tables, and no epochs. */
export interface WatchedTables {
  readonly devices: string
  readonly authState?: string
  readonly history?: string
}

type Attributes = Record<string, { S?: string; N?: string; M?: Attributes } | undefined>
interface Request {
  readonly TableName?: string
  readonly Key?: Attributes
  readonly Item?: Attributes
  readonly UpdateExpression?: string
  readonly ExpressionAttributeValues?: Attributes
}

const APPLIED = 200
const REFUSED = 400
/** `SET #epoch = :v0, ...` */
const EPOCH_SET = /#epoch = (:\w+)/

export function watchDatabase(tables: WatchedTables, nowMs: () => number): DatabaseWatch {
  const owners = new Map<string, Ownership[]>()
  const devices = new Map<string, string>()
  const newest = new Map<string, number>()
  const lastServer = new Map<string, string>()
  const staleAccepted: StaleWrite[] = []
  const staleRefused: StaleWrite[] = []
  const saidEnds: SaidEnd[] = []
  let authWrites = 0
  let moves = 0

  function ownership(deviceId: string, owner: string | undefined): void {
    const known = owners.get(deviceId) ?? []
    if (known.length > 0 && known.at(-1)?.owner === owner) return
    owners.set(deviceId, [...known, { atMs: nowMs(), ...(owner === undefined ? {} : { owner }) }])
    if (owner === undefined) return
    const before = lastServer.get(deviceId)
    if (before !== undefined && before !== owner) moves += 1
    lastServer.set(deviceId, owner)
  }

  function deviceWritten(operation: string, request: Request, answer: string): void {
    const { deviceId } = request.Item ?? request.Key ?? {}
    if (!deviceId?.S) return
    const isGone = operation === 'DeleteItem'
    const row = isGone ? {} : (request.Item ?? (JSON.parse(answer) as { Attributes?: Attributes }).Attributes)
    if (!row) return
    const jid = row.account?.M?.jid?.S
    if (jid) devices.set(jid, deviceId.S)
    ownership(deviceId.S, row.owner?.S)
  }

  function authWritten(request: Request, isApplied: boolean): void {
    const { deviceId, key } = request.Item ?? request.Key ?? {}
    const named = EPOCH_SET.exec(request.UpdateExpression ?? '')?.[1]
    const epoch = Number((request.Item?.epoch ?? request.ExpressionAttributeValues?.[named ?? ''])?.N)
    if (!deviceId?.S || !key?.S || !Number.isFinite(epoch)) return
    const item = `${deviceId.S} ${key.S}`
    const newestEpoch = newest.get(item) ?? 0
    if (isApplied) {
      authWrites += 1
      newest.set(item, Math.max(newestEpoch, epoch))
    }
    if (epoch >= newestEpoch) return
    const stale = { atMs: nowMs(), deviceId: deviceId.S, epoch, newest: newestEpoch }
    if (isApplied) staleAccepted.push(stale)
    else staleRefused.push(stale)
  }

  function historyWritten({ Item }: Request): void {
    const { deviceId, event, server, why } = Item ?? {}
    if (!deviceId?.S || event?.S !== 'disconnected') return
    saidEnds.push({ atMs: nowMs(), deviceId: deviceId.S, server: server?.S, why: why?.S ?? '' })
  }

  return {
    hear({ operation, status, request, answer }) {
      if (!WRITES.has(operation) || (status !== APPLIED && status !== REFUSED)) return
      const isApplied = status === APPLIED
      if (!isApplied && !answer.includes('ConditionalCheckFailed')) return
      const parsed = JSON.parse(request) as Request
      if (parsed.TableName === tables.devices && isApplied) deviceWritten(operation, parsed, answer)
      if (parsed.TableName === tables.history && isApplied) historyWritten(parsed)
      if (parsed.TableName === tables.authState) authWritten(parsed, isApplied)
    },
    staleAccepted,
    staleRefused,
    saidEnds,
    get authWrites() {
      return authWrites
    },
    get moves() {
      return moves
    },
    ownerOf: (deviceId, atMs) => owners.get(deviceId)?.findLast((ownership) => ownership.atMs <= atMs)?.owner,
    ownersBetween(deviceId, fromMs, untilMs) {
      const known = owners.get(deviceId) ?? []
      const first = known.findLast(({ atMs }) => atMs <= fromMs)
      const later = known.filter(({ atMs }) => fromMs < atMs && atMs <= untilMs)
      return [first, ...later].map((ownership) => ownership?.owner)
    },
    hasAssigned: (isMeant, fromMs, untilMs) =>
      [...owners.values()]
        .flat()
        .some(
          ({ owner, atMs }) => owner !== undefined && isMeant(owner) && fromMs <= atMs && atMs <= untilMs,
        ),
    deviceOf: (account) => devices.get(account),
  }
}

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem'])
