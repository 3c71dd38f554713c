import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import type { Stall } from '../../../hosts/stalls/device-watch.ts'
import { createStallWatches } from '../../../hosts/stalls/stall-watch.ts'
import { watchQueries } from '../../../hosts/stalls/watched-queries.ts'
import { manualClock } from '../../builders/manual-clock.ts'

function aWatch() {
  const clock = manualClock()
  const told: Stall[] = []
  const watch = createStallWatches(clock).open({
    stalled: (stall) => told.push(stall),
    recovered: () => undefined,
  })
  return { clock, watch, told }
}

describe('queries', () => {
  /** Baileys listens for the answer to a query by an event of its own. */
  function aClient() {
    const { clock, watch, told } = aWatch()
    const ws = new EventEmitter()
    let pings = 0
    const ping = async () => void pings++
    watchQueries(ws, watch, { clock, ping, pingAfterMs: 8000 }, new AbortController().signal)
    const ask = (id: string) => ws.on(`TAG:${id}`, () => undefined)
    const answer = (id: string) => ws.emit(`TAG:${id}`)
    return { clock, watch, told, ask, answer, pings: () => pings }
  }

  test('are a stall when none is answered, and a ping was tried before', async () => {
    const { clock, told, ask, pings } = aClient()
    ask('1')
    clock.advance(1000)
    ask('2')

    clock.advance(8000)
    await new Promise(setImmediate)
    clock.advance(8000)
    await new Promise(setImmediate)
    assert.equal(pings(), 1)
    assert.equal(told.length, 0)
    clock.advance(6000)

    assert.equal(told[0]?.kind, 'query')
  })

  test('are no stall when a later query was answered: WhatsApp leaves some unanswered', () => {
    const { clock, watch, told, ask, answer } = aClient()
    ask('never answered')
    clock.advance(10_000)
    ask('ping')

    answer('ping')
    clock.advance(60_000)

    assert.deepEqual(told, [])
    assert.equal(watch.oldestMs(), 0)
  })

  test('are still waited for when only an earlier query was answered', () => {
    const { clock, told, ask, answer } = aClient()
    ask('1')
    ask('2')
    answer('1')

    clock.advance(25_000)

    assert.equal(told.length > 0, true)
  })
})
