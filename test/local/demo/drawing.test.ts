import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drawBar, drawFleet, inOneLine, wrap } from '../../../local/demo/drawing.ts'
import { fleetView, PLAIN_80 } from './fixtures.ts'

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

  test('marks overlaps and conflicts in red unless there are none', () => {
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

describe('a text', () => {
  test('is broken between words', () => {
    assert.deepEqual(wrap('one socket  per\ndevice', 10), ['one socket', 'per device'])
  })

  test('keeps a word that is longer than a line', () => {
    assert.deepEqual(wrap('a unbreakable b', 5), ['a', 'unbreakable', 'b'])
  })
})
