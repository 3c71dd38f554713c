import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CHURN_METRICS,
  countedBy,
  EVENTS,
  type EventName,
  METRICS,
  type MetricName,
} from '../../core/catalogue.ts'

test('an event counts the metric that the catalogue names for it, or none', () => {
  assert.equal(countedBy('device.evicted'), 'Evictions')
  assert.equal(countedBy('device.conflict'), 'Conflicts')
  assert.equal(countedBy('sweep.look_failed'), 'LooksFailed')
  assert.equal(countedBy('device.no_room'), undefined)
})

test('no metric is counted by two events, so that a sum means one thing', () => {
  const counted = (Object.keys(EVENTS) as EventName[]).flatMap((event) => countedBy(event) ?? [])

  assert.deepEqual(counted, [...new Set(counted)])
})

test('every churn metric is counted by an event, or measured with device.connected', () => {
  const counted = new Set<MetricName>([
    ...(Object.keys(EVENTS) as EventName[]).flatMap((event) => countedBy(event) ?? []),
    'MovesFinished',
    'MoveSeconds',
  ])

  assert.deepEqual(
    CHURN_METRICS.filter((metric) => !counted.has(metric)),
    [],
  )
})

test('every metric says in words what it counts, and in which unit', () => {
  assert.ok(Object.values(METRICS).every(({ says, unit }) => says.length > 10 && unit.length > 0))
})
