import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { invocationOf } from '../../cli/invocation.ts'

describe('hints name the command as it was started', () => {
  test('by its own name', () => {
    assert.equal(invocationOf({ PATH: '/bin' }), 'mooring')
  })

  test('with npx', () => {
    assert.equal(invocationOf({ npm_command: 'exec', npm_lifecycle_event: 'npx' }), 'npx mooring')
  })

  test('as a script of npm', () => {
    assert.equal(invocationOf({ npm_command: 'run', npm_lifecycle_event: 'mooring' }), 'npm run mooring --')
  })
})
