import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { openStage } from '../../../local/demo/stage.ts'
import { output } from './fixtures.ts'

const ESCAPE = '\u001b['

describe('on a terminal', () => {
  test('a picture is drawn over the picture before, and its status line is removed when it is settled', () => {
    mock.timers.enable({ apis: ['setInterval'] })
    const { out, text } = output('terminal')
    const stage = openStage(out, () => 3000)

    stage.show(() => ({ lines: ['first', 'second'], status: 'busy' }))
    const before = text().length
    mock.timers.tick(125)
    const redrawn = text().slice(before)
    stage.settle()
    mock.timers.reset()

    assert.ok(redrawn.includes(`${ESCAPE}3A`), 'it goes up by the three lines that it wrote')
    assert.ok(
      text().endsWith(`${ESCAPE}1A\r${ESCAPE}J${ESCAPE}?25h`),
      'one line less, and the cursor is back',
    )
  })

  test('nothing is drawn after a picture is settled', () => {
    mock.timers.enable({ apis: ['setInterval'] })
    const { out, text } = output('terminal')
    const stage = openStage(out, () => 0)

    stage.show(() => ({ lines: [], status: 'busy' }))
    stage.settle()
    const before = text()
    mock.timers.tick(10_000)
    mock.timers.reset()

    assert.equal(text(), before)
  })
})

describe('without a terminal', () => {
  test('a line is printed every two seconds, and the picture once at the end, without any escape code', () => {
    mock.timers.enable({ apis: ['setInterval'] })
    const { out, text } = output('pipe')
    let elapsedMs = 0
    const stage = openStage(out, () => elapsedMs)

    stage.show(() => ({ lines: ['the table'], inOneLine: '60 sockets', status: 'devices move' }))
    elapsedMs = 2000
    mock.timers.tick(2000)
    stage.settle()
    mock.timers.reset()

    assert.equal(text(), '  0 s  60 sockets  devices move\n  2 s  60 sockets  devices move\nthe table\n')
  })

  test('the status is shown until the work is done, also when it fails', async () => {
    const { out, text } = output('pipe')
    const stage = openStage(out, () => 0)

    await assert.rejects(stage.during('the fleet starts', Promise.reject(new Error('no port'))), /no port/)

    assert.equal(text(), '  0 s  the fleet starts\n')
  })
})
