import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchSockets } from './socket-watch.ts'

const account = '15550100101:1@s.whatsapp.net'

test('a socket is told when it closes if it was logged in', () => {
  let nowMs = 10
  const watch = watchSockets(() => nowMs)
  watch.hear({ event: 'logged-in', account, label: 'web-1-a:1' })
  nowMs = 20
  watch.hear({ event: 'closed', account, label: 'web-1-a:2' })
  watch.hear({ event: 'closed', label: 'web-1-a:3' })
  watch.hear({ event: 'closed', account, label: 'web-1-a:1' })
  assert.deepEqual(watch.ends, [{ account, label: 'web-1-a:1', fromMs: 10, untilMs: 20, wasReplaced: false }])
})

test('a socket is told as replaced when another login took its place, and not by a foreign conflict', () => {
  const watch = watchSockets(() => 0)
  for (const label of ['web-1-a:1', 'web-2-b:2']) watch.hear({ event: 'logged-in', account, label })
  watch.hear({ event: 'conflict', account, label: 'web-1-a:1', by: 'web-2-b:2' })
  watch.hear({ event: 'conflict', account, label: 'web-2-b:2' })
  for (const label of ['web-1-a:1', 'web-2-b:2']) watch.hear({ event: 'closed', account, label })
  assert.deepEqual(
    watch.ends.map(({ label, wasReplaced }) => [label, wasReplaced]),
    [
      ['web-1-a:1', true],
      ['web-2-b:2', false],
    ],
  )
})
