/** A device must never cost another: neither by what it receives, nor by what it does to its server. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import type { ServerExit, ServerProcess } from '../../local/server-process.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const DAMAGES = Number(process.env.MOORING_DAMAGES ?? 2000)
const DAMAGES_AT_ONCE = 5
const SEED = 12

describe('2,000 damaged stanzas, frames and payloads for one device after another', () => {
  let fleet: TestFleet
  const exits: ServerExit[] = []

  before(async () => {
    fleet = await startTestFleet({
      servers: 1,
      serverVariables: { BACKOFF_BASE_MS: '100', BACKOFF_CAP_MS: '100', CONNECTS_PER_SECOND: '100' },
      onServerExit: (_: ServerProcess, exit) => exits.push(exit),
    })
  })
  after(() => fleet?.close())

  test('end no process, and leave the sockets of the 39 others as they are', {
    timeout: 590_000,
  }, async (context) => {
    const others = await fleet.linkDevices(39)
    const epochs = async () =>
      (await fleet.devices(others)).map((row) => `${row.deviceId} ${row.epoch}`).sort()
    const before = await epochs()

    let victims = 0
    let from = 0
    while (from < DAMAGES) {
      const [victim] = await fleet.linkDevices(1, `victim-${++victims}`)
      assert.ok(victim)
      from = await damage(fleet, victim, from)
    }

    assert.deepEqual(exits, [], 'no process ended')
    assert.deepEqual(await epochs(), before, 'none of the others connected again')
    await fleet.untilConnected(others)
    context.diagnostic(`${from} damages with ${victims} victims`)
  })
})

/** Damages one device until it is gone for good, as after a logout, or until all was sent. @returns where to
 *  go on */
async function damage(fleet: TestFleet, victim: DeviceId, begin: number): Promise<number> {
  let from = begin
  while (from < DAMAGES) {
    const jid = await jidWhenConnected(fleet, victim)
    if (jid === undefined) return from
    const damages = { seed: SEED, count: Math.min(DAMAGES_AT_ONCE, DAMAGES - from), from }
    // The socket may have closed at this moment.
    from = await fleet.simulator.damage(jid, damages, { everyMs: 5 }).then(
      ({ next }) => next,
      () => from,
    )
  }
  return from
}

async function jidWhenConnected(fleet: TestFleet, device: DeviceId): Promise<string | undefined> {
  const found = await until('connected or given up', 20_000, async () => {
    const [row] = await fleet.devices([device])
    const account = fleet.simulator.accounts().find(({ jid }) => jid === row?.account?.jid)
    if (row?.status === 'connected' && account?.connectedTo) return { jid: account.jid }
    return row?.desired === 'stopped' || row?.status === 'pairing' ? {} : undefined
  }).catch(() => ({}))
  return 'jid' in found ? (found.jid as string) : undefined
}

for (const how of ['throw', 'abort', 'loop'] as const) {
  describe(`a device that ends its server by ${how}, an error that belongs to no device`, () => {
    let fleet: TestFleet
    const exits: ServerExit[] = []

    before(async () => {
      fleet = await startTestFleet({
        servers: 3,
        restart: true,
        serverVariables: {
          NODE_OPTIONS: `--import=${new URL('./poison-module.ts', import.meta.url).href}`,
          POISONED_DEVICE: 'poison-1',
          POISON_HOW: how,
        },
        onServerExit: (_: ServerProcess, exit) => exits.push(exit),
      })
    })
    after(() => fleet?.close())

    test('costs at most three servers, is quarantined with a reason, and leaves the others connected', {
      timeout: 300_000,
    }, async (context) => {
      const others = await fleet.linkDevices(39)
      const answer = await fleet.call('POST', '/devices', { deviceId: 'poison-1', name: 'poison' })
      assert.equal(answer.status, 201)
      let qr: string | undefined
      await until('the poisoned device is quarantined', 200_000, async () => {
        const { body } = await fleet.call('GET', '/devices/poison-1')
        const row = (await fleet.devices(['poison-1' as DeviceId]))[0]
        if (row?.pairing?.qr && row.pairing.qr !== qr) {
          qr = row.pairing.qr
          await fleet.simulator.scanQr(qr).catch(() => undefined)
        }
        return body.status === 'quarantined'
      })

      const { body: device } = await fleet.call('GET', '/devices/poison-1')
      assert.match(String(device.explanation), /^it has been quarantined since .*until you start it$/)
      assert.equal(device.desired, 'running')
      assert.ok(exits.length <= 3, `${exits.length} servers ended`)
      await fleet.untilConnected(others, 120_000)
      const rows = await fleet.devices(others)
      assert.deepEqual(
        rows.filter(({ quarantinedAt }) => quarantinedAt !== undefined),
        [],
      )
      const { body: whole } = await fleet.call('GET', '/fleet')
      assert.equal((whole.quarantined as unknown[]).length, 1)
      context.diagnostic(
        `${exits.length} servers ended: ${JSON.stringify(exits.map(({ code, signal }) => [code, signal]))}`,
      )
    })
  })
}
