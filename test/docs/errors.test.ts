import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { INTERNAL_CODES, PUBLIC_CODES } from '../../core/errors.ts'
import { ERRORS_PAGE, errorsPage } from '../../docs/errors.ts'
import { SERVER_STATUS } from '../../hosts/server/statuses.ts'
import { refusalsOf } from '../../lambdas/api/refusals.ts'
import { ROUTES } from '../../lambdas/api/routes.ts'
import { API_STATUS } from '../../lambdas/api/statuses.ts'

const page = readFileSync(ERRORS_PAGE, 'utf8')

describe('docs/errors.md', () => {
  test('is what `npm run docs` writes', () => {
    assert.equal(page, errorsPage())
  })

  for (const code of [...PUBLIC_CODES, ...INTERNAL_CODES]) {
    test(`explains ${code}`, () => {
      assert.match(page, new RegExp(`\\| \`${code}\` \\| \\S`))
    })
  }
})

test('no public code is an internal one, too', () => {
  const publicCodes: readonly string[] = PUBLIC_CODES

  assert.deepEqual(
    INTERNAL_CODES.filter((code) => publicCodes.includes(code)),
    [],
  )
})

test('a code that both HTTP surfaces answer with has one status', () => {
  const ofServer: Readonly<Record<string, number>> = SERVER_STATUS

  assert.deepEqual(
    Object.entries(API_STATUS).filter(([code, status]) => (ofServer[code] ?? status) !== status),
    [],
  )
})

test('every code of the API belongs to a route', () => {
  const given = new Set<string>(ROUTES.flatMap(refusalsOf))

  assert.deepEqual(
    Object.keys(API_STATUS).filter((code) => !given.has(code)),
    [],
  )
})
