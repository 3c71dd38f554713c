import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawPlan, type Planned, SERVER_FAULTS, SERVERS_ALIVE_MIN, type ServerFault } from './plan.ts'

const OPTIONS = { seed: 1, seconds: 600, servers: 5 }

test('a seed draws one plan, and another seed another plan', () => {
  assert.deepEqual(drawPlan(OPTIONS), drawPlan(OPTIONS))
  assert.notDeepEqual(drawPlan(OPTIONS), drawPlan({ ...OPTIONS, seed: 2 }))
})

test('ten minutes have every kind of fault', () => {
  const kinds = new Set(drawPlan(OPTIONS).map(({ kind }) => kind))
  const wanted = [...SERVER_FAULTS, 'sweep stopped', 'all slow', 'rolling restart', 'sockets closed']
  assert.deepEqual(
    [...wanted, 'registered', 'removed', 'texted'].filter((kind) => !kinds.has(kind as Planned['kind'])),
    [],
  )
})

test('no fault strikes in the last second or lasts into it', () => {
  const late = drawPlan(OPTIONS).filter(
    (planned) => planned.atMs + ('lastsMs' in planned ? planned.lastsMs : 0) > 599_001,
  )
  assert.deepEqual(late, [])
})

test('faults overlap, and two servers are always left alone', () => {
  const struck = drawPlan(OPTIONS).filter(isOfOneServer)
  const atOnce = struck.map(
    ({ atMs }) => struck.filter((one) => one.atMs <= atMs && atMs < one.atMs + one.lastsMs + 1).length,
  )
  assert.ok(Math.max(...atOnce) >= 2)
  assert.ok(Math.max(...atOnce) <= OPTIONS.servers - SERVERS_ALIVE_MIN)
})

test('half of the freezes are shorter than a lease, and none is longer than 30 s', () => {
  const freezes = drawPlan({ ...OPTIONS, seconds: 36_000 }).filter(isOfOneServer)
  const lasted = freezes.filter(({ kind }) => kind === 'frozen').map(({ lastsMs }) => lastsMs)
  assert.ok(Math.min(...lasted) >= 1000 && Math.max(...lasted) <= 30_000)
  const short = lasted.filter((ms) => ms < 8000).length / lasted.length
  assert.ok(short > 0.4 && short < 0.6, `${short}`)
})

test('no closing in the plan is one that stops a device', () => {
  const hows = drawPlan(OPTIONS).flatMap((planned) =>
    planned.kind === 'sockets closed' ? [planned.how] : [],
  )
  assert.deepEqual(
    hows.filter((how) => ['401', '403', '411'].includes(how)),
    [],
  )
})

type OfOneServer = Extract<Planned, { kind: ServerFault }>

function isOfOneServer(planned: Planned): planned is OfOneServer {
  return (SERVER_FAULTS as readonly string[]).includes(planned.kind)
}
