import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsOf } from '../../core/settings.ts'
import { readEnvironment } from '../../lambdas/environment.ts'

test('a function gets its own variables, with defaults, and no others', () => {
  assert.deepEqual(readEnvironment('authorizer', { DOORBELL_SECRET: 'not for the authorizer' }), {
    TABLE_PREFIX: 'Mooring-',
  })
})

test('the error names a missing variable and the function that needs it', () => {
  assert.throws(() => readEnvironment('api', {}), /BAD_ENVIRONMENT: the api Lambda[\s\S]*DOORBELL_FUNCTION/)
})

test('a secret that is too short is refused', () => {
  assert.throws(() => readEnvironment('doorbell', { DOORBELL_SECRET: 'short' }), /DOORBELL_SECRET/)
})

test('times that leave no margin are refused', () => {
  const environment = readEnvironment('sweep', { DOORBELL_FUNCTION: 'doorbell', BURY_AFTER_MS: '8500' })
  assert.throws(() => settingsOf(environment), /LEASE_MARGIN_TOO_SMALL/)
})

test('a time that is not a number is refused', () => {
  const variables = { DOORBELL_FUNCTION: 'doorbell', BEAT_EVERY_MS: 'often' }
  assert.throws(() => readEnvironment('sweep', variables), /BEAT_EVERY_MS/)
})
