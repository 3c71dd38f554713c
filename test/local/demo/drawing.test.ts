import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drawBar, drawFleet, inOneLine, wrap } from '../../../local/demo/drawing.ts'
import { drawSummary, gapText } from '../../../local/demo/summary.ts'
import { fleetView, outcome, PLAIN_80, QUIET_ACT } from './fixtures.ts'

const plain = (_: unknown, text: string) => text

describe('the table of a fleet', () => {
  test('shows each server with its pid, state, devices and sockets, and what WhatsApp sees', () => {
    assert.deepEqual(drawFleet(fleetView(), PLAIN_80), [
      '  server      pid     state     devices  connected',
      `  server-1    4711    active         30         15  ${'█'.repeat(7)}${'▒'.repeat(6)}${'·'.repeat(13)}`,
      '',
      '  WhatsApp sees   15 sockets open   0 overlaps   0 conflicts',
    ])
  })

  test('draws no bar for a server that is gone', () => {
    const dead = { name: 'server-2', pid: 4712, state: 'dead', devices: 0, sockets: 0 }

    const lines = drawFleet(fleetView({ servers: [dead] }), PLAIN_80)

    assert.equal(lines[1], '  server-2    4712    dead            0          0')
  })

  test('marks overlaps and conflicts in red as soon as there is one', () => {
    const paint = (style: unknown, text: string) => `<${String(style)}>${text}`

    const lines = drawFleet(fleetView({ judge: { sockets: 1, overlaps: 1, conflicts: 0 } }), {
      width: 80,
      paint,
    })

    assert.equal(
      lines.at(-1),
      '  <bold>WhatsApp sees   1 socket open   <red,bold>1 overlap   <green>0 conflicts',
    )
  })

  for (const width of [80, 100]) {
    test(`is never wider than a terminal of ${width} columns`, () => {
      const servers = [{ name: 'server-1', pid: 4194304, state: 'draining', devices: 60, sockets: 60 }]

      const lines = drawFleet(fleetView({ servers }), { width, paint: plain })

      assert.ok(Math.max(...lines.map((line) => line.length)) <= width)
    })
  }

  test('fits into one line where there is no terminal', () => {
    assert.equal(inOneLine(fleetView()), '15 sockets, 0 overlaps, 0 conflicts')
  })
})

describe('the bar of a server', () => {
  test('always has the same length, even when a device has more sockets than owners', () => {
    const bars = [
      { devices: 0, sockets: 0 },
      { devices: 60, sockets: 60 },
      { devices: 10, sockets: 35 },
      { devices: 90, sockets: 90 },
    ].map((server) => drawBar(server, 60, 20, plain))

    assert.deepEqual(
      bars.map((bar) => bar.length),
      [20, 20, 20, 20],
    )
  })

  test('shows a single device', () => {
    assert.equal(drawBar({ devices: 1, sockets: 1 }, 300, 10, plain), '█·········')
  })
})

describe('the summary', () => {
  const naive = outcome({
    killed: {
      overlaps: 114,
      conflicts: 113,
      struck: ['a', 'b'],
      gaps: { count: 20, p50: 6, p99: 6.94, max: 6.94 },
    },
    drained: { ...QUIET_ACT, gaps: { count: 0, p50: 0, p99: 0, max: 0 } },
    connectedAtEnd: 52,
  })

  test('puts both fleets side by side', () => {
    assert.deepEqual(drawSummary(naive, outcome(), PLAIN_80), [
      '                                              without Mooring     with Mooring',
      '  conflicts (440), each a socket replaced                 113                0',
      '  overlaps: moments with two sockets                      114                0',
      '  devices struck by a conflict                              2                0',
      '  seconds without a socket, p50 / p99 / max',
      '    a server is killed (SIGKILL)              6.0 / 6.9 / 6.9  0.7 / 0.9 / 0.9',
      '    a server is drained (SIGTERM)                        none  0.7 / 0.9 / 0.9',
      '  devices connected at the end                       52 of 60         60 of 60',
    ])
  })

  test('says none when no device was without a socket', () => {
    assert.equal(gapText({ count: 0, p50: 0, p99: 0, max: 0 }), 'none')
  })
})

describe('a text', () => {
  test('is broken between words', () => {
    assert.deepEqual(wrap('one socket  per\ndevice', 10), ['one socket', 'per device'])
  })

  test('keeps a word that is longer than a line', () => {
    assert.deepEqual(wrap('a unbreakable b', 5), ['a', 'unbreakable', 'b'])
  })
})
