/** The way from a process to the store and back. A request can be lost, throttled, or late by seconds. It can
 *  be applied while its answer is lost. Its process can be frozen or killed right before or after it
 *  leaves. */
import type { Change, Rows, Store, Table } from '../../core/store/store.ts'
import { countOn, type Memory } from './memory-store.ts'
import type { Process } from './process.ts'
import { nameOfPut, nameOfUpdate } from './request-names.ts'
import type { Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'
import { delayMs, freezeSomehow, type Weather } from './weather.ts'

export interface Limits {
  /** The limit of a request with its retries, on the clock of the process. */
  readonly requestMsMax: number
  /** The SDK counts the first try as well. */
  readonly triesMax: number
}

/** The fate of a request, for the judge. */
export interface Answered {
  readonly request: string
  readonly process: Process
  /** When the process sent the request, in true virtual time. */
  readonly sentAtMs: number
  readonly result: unknown
}

export interface Network {
  /** The store as this process reaches it. */
  storeFor(process: Process, limits: Limits): Store
}

const WAY_MS = [1, 6] as const
const RETRY_MS = [20, 120] as const

export function createNetwork(
  scheduler: Scheduler,
  memory: Memory,
  weather: Weather,
  trace: Trace,
  answered: (answer: Answered) => void,
): Network {
  /** The fate of one try. */
  function fateOf({ chance }: Process, request: string) {
    const trap = weather.sprung(request)
    if (trap) {
      weather.strike(`trap: ${trap.hits}`)
      return { ...trap, isTrap: true }
    }
    const { rates } = weather
    const hits = chance.happens(rates.requestLost)
      ? ('lost' as const)
      : chance.happens(rates.answerLost)
        ? ('answer-lost' as const)
        : chance.happens(rates.requestDelayed)
          ? ('delayed' as const)
          : chance.happens(rates.answerDelayed)
            ? ('answer-delayed' as const)
            : chance.happens(rates.throttled)
              ? ('throttled' as const)
              : undefined
    if (hits) weather.strike(`request ${hits}`)
    return { hits, isTrap: false, forMs: 0, how: 'stopped' as const }
  }

  function call<Result>(
    process: Process,
    { requestMsMax, triesMax }: Limits,
    request: string,
    apply: () => Result,
  ): Promise<Result> {
    const { chance } = process
    const sentAtMs = scheduler.now()
    const wayMs = () => chance.within(WAY_MS)
    return new Promise<Result>((resolve, reject) => {
      let isOver = false
      const limit = process.clock.startTimer(requestMsMax, () => fail('took too long'))
      const over = (finish: () => void) => {
        if (isOver) return
        isOver = true
        limit.cancel()
        finish()
      }
      const fail = (why: string) => over(() => reject(new Error(`${request} ${why}`)))

      function again(tried: number, why: string): void {
        if (isOver) return
        if (tried >= triesMax) fail(why)
        else process.clock.startTimer(chance.within(RETRY_MS), () => attempt(tried + 1))
      }

      function attempt(tried: number): void {
        if (isOver || !process.isAlive()) return
        const fate = fateOf(process, request)
        const { hits } = fate
        if (fate.isTrap) trace.say(process.name, `trap: ${request} ${hits}`)
        else if (hits) trace.say(process.name, `${request} ${hits}`)
        if (hits === 'killed-before') process.end()
        if (hits === 'frozen-before')
          process.freeze(fate.forMs, fate.how === 'stopped' ? 'machine' : fate.how)
        else if (chance.happens(weather.rates.frozenAtRequest)) {
          weather.strike('frozen at a request')
          freezeSomehow(process)
        }
        process.send(() => depart(tried, hits))
        if (hits === 'frozen-after') process.freeze(fate.forMs, fate.how)
        if (hits === 'killed-after') process.end()
      }

      function depart(tried: number, hits: ReturnType<typeof fateOf>['hits']): void {
        if (process.cut.requests || weather.storeDown) return
        const reset = (why: string) =>
          scheduler.after(wayMs(), () => process.deliver(() => again(tried, why)))
        const isReset = chance.happens(500)
        if (hits === 'lost') {
          if (isReset) reset('was reset')
          return
        }
        if (hits === 'throttled') {
          reset('was throttled')
          return
        }
        const lateMs =
          (hits === 'delayed' ? delayMs(chance) : 0) + (request === 'bury' ? weather.burialsLateMs : 0)
        scheduler.after(wayMs() + lateMs, () => {
          const result = apply()
          if (hits === 'answer-lost') {
            if (isReset) reset('was reset')
            return
          }
          scheduler.after(wayMs() + (hits === 'answer-delayed' ? delayMs(chance) : 0), () => {
            if (process.cut.answers || weather.storeDown) return
            process.deliver(() =>
              over(() => {
                answered({ request, process, sentAtMs, result })
                resolve(result)
              }),
            )
          })
        })
      }

      attempt(1)
    })
  }

  return {
    storeFor(process, limits) {
      const by = process.name
      const say = <Result>(request: string, about: string, wrote: Result): Result => {
        trace.say(by, `${request} ${about}${wrote === undefined || wrote === false ? ': refused' : ''}`)
        return wrote
      }
      return {
        get: (table, key) => call(process, limits, `get-${table}`, () => memory.get(table, key)),
        getMany: (table, keys) =>
          call(process, limits, `get-many-${table}`, () =>
            keys.flatMap((key) => memory.get(table, key) ?? []),
          ),
        put(table, row, conditions = []) {
          const request = nameOfPut(table)
          return call(process, limits, request, () =>
            say(request, about(table, row), memory.put(table, row, conditions, by)),
          )
        },
        update<T extends Table>(table: T, key: object, change: Change<Rows[T]>) {
          const request = nameOfUpdate(table, change as unknown as Change<never>)
          return call(process, limits, request, () =>
            say(request, about(table, key), memory.update(table, key as never, change, by)),
          )
        },
        remove: (table, key, conditions = []) =>
          call(process, limits, `remove-${table}`, () =>
            say(`remove-${table}`, about(table, key), memory.remove(table, key, conditions, by)),
          ),
        query: (table, query) =>
          call(process, limits, `list-${query.index ?? table}`, () => memory.query(table, query)),
        count: (table, query) => call(process, limits, `count-${table}`, () => countOn(memory, table, query)),
        scan: (table, part = {}) =>
          call(process, limits, `list-${table.toLowerCase()}`, () => memory.scan(table, part)),
      }
    },
  }
}

function about(table: Table, key: object): string {
  const { deviceId, serverId, key: item } = key as { deviceId?: string; serverId?: string; key?: string }
  return table === 'AuthState' ? `${deviceId} ${item}` : (deviceId ?? serverId ?? '')
}
