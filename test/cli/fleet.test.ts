import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { buryExited } from '../../core/protocol/membership.ts'
import { evict } from '../../core/protocol/ownership.ts'
import { anActiveServer, anOwnedDevice, ownedDevices } from '../builders/builders.ts'
import { startTestControlPlane, type TestControlPlane } from './mooring-command.ts'

let api: TestControlPlane
/** web-1 with 3 devices, web-2 with none, and an earlier run of web-1, which is dead. */
before(async () => {
  api = await startTestControlPlane()
  const dead = await anActiveServer(api, 'server-0', { name: 'web-1', taskArn: 'arn:task-0' })
  await buryExited(api.store, dead, 'exit code 1')
  await ownedDevices(api, await anActiveServer(api, 'server-1', { name: 'web-1', capacity: 10 }), 3)
  await anActiveServer(api, 'server-2', { name: 'web-2', capacity: 10 })
})
after(() => api?.close())

describe('mooring servers', () => {
  test('lists the living servers, and says how many are gone', async () => {
    const { out, exit } = await api.mooring('servers')

    assert.match(out, /^web-1 +server-1 +active +3 +10 +30 % +0 +\d+ s ago/m)
    assert.match(out, /^2 servers; 1 more is gone: --all lists them$/m)
    assert.equal(exit, 0)
  })

  test('lists also the servers that are gone under --all', async () => {
    const { out } = await api.mooring('servers', '--all')

    assert.match(out, /^web-1 +server-0 +dead .+exit code 1$/m)
  })
})

describe('mooring server', () => {
  test('show finds a server by its id, and by its name the run that is alive', async () => {
    const [byName, byId] = await Promise.all([
      api.mooring('server', 'show', 'web-1', '--json'),
      api.mooring('server', 'show', 'server-0', '--json'),
    ])

    assert.equal(JSON.parse(byName.out).serverId, 'server-1')
    assert.equal(JSON.parse(byId.out).serverId, 'server-0')
  })

  test('drain --dry-run shows which devices would move where, and moves none', async () => {
    const { out, exit } = await api.mooring('server', 'drain', 'web-1', '--dry-run', '--at-once', '2')

    assert.match(out, /^DEVICE +WAVE +TO +WITHOUT SOCKET$/m)
    assert.equal(out.match(/ web-2 +[\d.]+ s$/gm)?.length, 3)
    assert.match(out, /^3 devices of server "web-1" would move in 2 waves, within about [\d.]+ s\.$/m)
    assert.equal(exit, 0)
    assert.equal((await api.store.get('Servers', { serverId: 'server-1' as never }))?.state, 'active')
  })

  test('drain that finds no room elsewhere is refused, and names the option that begins it anyway', async () => {
    await ownedDevices(api, await anActiveServer(api, 'server-4', { name: 'web-4', capacity: 20 }), 18)

    const { err, exit } = await api.mooring('server', 'drain', 'web-4')

    assert.match(err, /^NO_ROOM_TO_DRAIN: .+ At the command line this is --partly\./)
    assert.equal(exit, 1)
  })

  test('drain can be followed and cancelled', async () => {
    const begun = await api.mooring('server', 'drain', 'web-1', '--stay')
    const running = await api.mooring('operations')
    const waiting = api.start('operation', 'drain-server-1', '--wait')
    const timedOut = await api.mooring('operation', 'drain-server-1', '--wait', '--timeout', '1')
    const cancelled = await api.mooring('server', 'drain', 'web-1', '--cancel')
    const waited = await waiting.ended

    assert.match(begun.out, /Follow it: mooring operation drain-server-1 --wait/)
    assert.match(running.out, /^drain-server-1 +drain +web-1 /m)
    assert.equal(timedOut.exit, 1)
    assert.match(timedOut.err, /^drain-server-1 has not ended within 1 second; it goes on/)
    assert.match(cancelled.out, /^Cancelled\. Server "web-1" is active, with 3 devices\.$/m)
    assert.equal(waited.exit, 1)
    assert.match(waited.err, /^drain-server-1 was cancelled: /)
  })

  test('evict is done only under --yes where nobody can be asked', async () => {
    const unconfirmed = await api.mooring('server', 'evict', 'server-0')
    const confirmed = await api.mooring('server', 'evict', 'server-0', '--yes')

    assert.equal(unconfirmed.exit, 2)
    assert.equal(confirmed.exit, 0)
    assert.match(confirmed.out, /^0 devices taken from server "web-1"; 0 have another server already\.$/m)
  })
})

describe('mooring device reassign', () => {
  test('to its present server has nothing to do', async () => {
    const { out, exit } = await api.mooring('device', 'reassign', 'server-1-device-0', 'server-1')

    assert.equal(out, 'Device "server-1-device-0" is on server "web-1" already.\n')
    assert.equal(exit, 0)
  })

  test('to another server names the operation to follow', async () => {
    const { out, exit } = await api.mooring('device', 'reassign', 'server-1-device-1', 'web-2')

    assert.match(out, /^reassign of server-1-device-1: /)
    assert.match(out, /^Follow it: mooring operation \S+ --wait$/m)
    assert.equal(exit, 0)
  })
})

describe('mooring fleet', () => {
  test('shows how devices are spread and that there were no conflicts', async () => {
    const { out, exit } = await api.mooring('fleet')

    assert.match(out, /^web-2 +active +0 +0 +\d+\/10 /m)
    assert.match(out, /^Last 15 minutes: conflicts 0/m)
    assert.match(out, /^No sweep has looked for a week: /m)
    assert.equal(exit, 0)
  })

  test('and the lists of devices show a quarantined device, since when and why', async () => {
    const row = await anOwnedDevice(api, await anActiveServer(api, 'server-9', { name: 'web-9' }), 'poison')
    const gone = { serverId: row.owner, name: 'web-9' }
    const judged = {
      seen: { status: row.status },
      suspicion: 6,
      quarantinedBecause: 'its last servers ended',
    }
    await evict(api.store, api.clock, row.deviceId, gone, judged)

    const [fleet, listed, shown, moved] = await Promise.all([
      api.mooring('fleet'),
      api.mooring('devices', '--status', 'quarantined'),
      api.mooring('device', 'show', 'poison'),
      api.mooring('device', 'reassign', 'poison'),
    ])

    assert.match(fleet.out, /^Quarantined for \d+ m?s: poison: its last servers ended$/m)
    assert.match(listed.out, /^poison .*quarantined/m)
    assert.match(
      shown.out,
      /^explanation +it has been quarantined since .*: its last servers ended; no server gets it/m,
    )
    assert.match(shown.out, /^quarantined +20\d\d-/m)
    assert.match(moved.err, /^DEVICE_QUARANTINED: /)
  })

  test('pause and resume stop the rebalancing and continue it', async () => {
    const paused = await api.mooring('fleet', 'pause')
    const shown = await api.mooring('fleet', '--json')
    const resumed = await api.mooring('fleet', 'resume', '--json')

    assert.match(paused.out, /^Rebalancing paused: paused with key /)
    assert.equal(JSON.parse(shown.out).rebalancing.state, 'paused')
    assert.notEqual(JSON.parse(resumed.out).state, 'paused')
  })

  test('a restart that is not running cannot be stopped', async () => {
    const { err, exit } = await api.mooring('fleet', 'restart', '--stop')

    assert.match(err, /^NOT_RESTARTING: .+ At the command line this is `mooring fleet restart`\./)
    assert.equal(exit, 1)
  })
})

describe('mooring watch', () => {
  test('prints a line every two seconds where there is no terminal', async () => {
    const { out, exit } = await api.mooring('watch', '--count', '2')

    const lines = out.trim().split('\n')
    assert.equal(lines.length, 2)
    assert.ok(
      lines.every((line) => / servers active {2}\d+ of \d+ devices connected .+ 0 conflicts/.test(line)),
    )
    assert.equal(exit, 0)
  })

  test('ends at once with Ctrl-C', async () => {
    const watching = api.start('watch')
    while (!watching.out().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 50))

    watching.child.kill('SIGINT')

    assert.equal((await watching.ended).exit, 130)
  })
})
