import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Snapshot } from './linked-device.ts'
import { countRequests, isBad, settledDevice, WAYS_TO_DIE, walk } from './walk.ts'

let snapshot: Snapshot
before(async () => {
  snapshot = await settledDevice()
})
after(() => snapshot.remove())

// Every request once, in one of the ways to die; `npm run takeovers` goes through all of them.
test('a takeover at any point of a conversation loses no message in either direction and leaves no undecryptable session', async (t) => {
  const requests = await countRequests(snapshot)
  const deaths = Array.from({ length: requests }, (_, at) => ({
    atRequest: at + 1,
    how: WAYS_TO_DIE[at % WAYS_TO_DIE.length] ?? 'before',
  }))

  const walked = await walk(snapshot, deaths)

  t.diagnostic(`the host died at each of ${requests} requests`)
  assert.ok(requests > 40, `${requests} requests`)
  assert.deepEqual(walked.filter(isBad), [])
})
