/** Conflicts (440): another client logs in with the credentials of a device. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

let fleet: TestFleet

before(async () => {
  fleet = await startTestFleet({ servers: 1 })
})

after(async () => {
  await fleet?.close()
})

test('a device whose socket was replaced is checked for its owner and connected once more', async () => {
  const [id = deviceId('none')] = await fleet.linkDevices(1, 'kicked')
  const [before] = await fleet.devices([id])
  assert.ok(before?.account)
  fleet.simulator.foreignLogin(before.account.jid)
  const row = await until('a new epoch', 20_000, async () => {
    const [now] = await fleet.devices([id])
    return now && now.epoch > before.epoch && now.status === 'connected' && now
  })
  assert.equal(row.epoch, before.epoch + 1)
  assert.equal(row.conflicts?.length, 1)
  assert.equal(row.owner, before.owner)
})

test('a foreign client that keeps coming back makes the device conflicted, and its credentials stay', async () => {
  const [id = deviceId('none')] = await fleet.linkDevices(1, 'fought-over')
  const [linked] = await fleet.devices([id])
  const jid = linked?.account?.jid ?? ''
  for (const conflict of [1, 2, 3]) {
    await fleet.untilConnected([id])
    fleet.simulator.foreignLogin(jid)
    await until(
      `conflict ${conflict}`,
      20_000,
      async () => (await fleet.devices([id]))[0]?.conflicts?.length === conflict,
    )
  }
  const row = await until('conflicted', 20_000, async () => {
    const [now] = await fleet.devices([id])
    return now?.status === 'conflicted' && now
  })
  assert.equal(row.owner, undefined)
  assert.equal(row.credentialsId, linked?.credentialsId)
  assert.match(row.statusReason ?? '', /a client outside the fleet/)
  const answer = await fleet.call('GET', '/fleet')
  assert.match(JSON.stringify(answer.body), new RegExp(`"deviceId":"${id}"`))

  assert.equal((await fleet.call('POST', `/devices/${id}/start`)).status, 202)
  const [again] = await fleet.untilConnected([id])
  assert.equal(again?.account?.jid, jid)
  assert.equal(again?.credentialsId, linked?.credentialsId)
})

test('the fleet tells how many conflicts the last 15 minutes had', async () => {
  const counted = await until('churn written', 20_000, async () => {
    const { body } = await fleet.call('GET', '/fleet')
    const { counts } = body.churn as { counts: Record<string, number> }
    return (counts.Conflicts ?? 0) >= 4 && counts
  })
  assert.equal(counted.Conflicts, 4)
  assert.equal(fleet.simulator.report().overlaps.length, 0)
})
