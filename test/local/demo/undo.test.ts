import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeUndo } from '../../../local/demo/undo.ts'

describe('undo ends everything that was started', () => {
  test('the latest first, and each once', async () => {
    const ended: string[] = []
    const undo = makeUndo()
    for (const name of ['database', 'server', 'pairing']) {
      undo.add(async () => {
        ended.push(name)
      })
    }

    await undo.all()
    await undo.all()

    assert.deepEqual(ended, ['pairing', 'server', 'database'])
  })

  test('also when one of them cannot be ended, and then throws its error', async () => {
    const ended: string[] = []
    const undo = makeUndo()
    undo.add(async () => {
      ended.push('database')
    })
    undo.add(() => Promise.reject(new Error('the server does not end')))

    await assert.rejects(undo.all(), /the server does not end/)

    assert.deepEqual(ended, ['database'])
  })
})
