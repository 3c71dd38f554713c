import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { linkBy } from './first-link.ts'
import type { Snapshot } from './linked-device.ts'
import { allDeaths, conversationOn, isBad, isBrokenLink, settledDevice, someDeaths, walk } from './walk.ts'

let snapshot: Snapshot
before(async () => {
  snapshot = await settledDevice()
})
after(() => snapshot.remove())

// `npm run takeovers` goes through all the ways to die.
test('a takeover at any point of a conversation loses no message and leaves no undecryptable session', async (t) => {
  const converse = conversationOn(snapshot)
  const { requests } = await converse()

  const walked = await walk(converse, someDeaths(requests))

  t.diagnostic(`the host died at each of ${requests} requests`)
  assert.ok(requests > 40, `${requests} requests`)
  assert.deepEqual(walked.filter(isBad), [])
})

for (const by of ['qr', 'code'] as const) {
  test(`a takeover at any point of a first link by ${by} loses no credentials of a linked device`, async (t) => {
    const link = linkBy(by)
    const { requests } = await link()

    const walked = await walk(
      link,
      allDeaths(requests).filter(({ how }) => how === 'before'),
    )

    t.diagnostic(`the host died at each of ${requests} requests`)
    assert.ok(requests > 40, `${requests} requests`)
    assert.deepEqual(walked.filter(isBrokenLink), [])
  })
}
