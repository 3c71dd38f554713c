import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import { type PageRules, pageRefusal } from '../../../hosts/server/page-requests.ts'

const LOOPBACK: PageRules = { host: 'loopback', port: 'exact' }
const PORT = 8080

interface Given {
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly url?: string
}

function codeFor({ headers = {}, method = 'GET', url = '/' }: Given, rules: PageRules = LOOPBACK) {
  const all: Record<string, string> = { host: `127.0.0.1:${PORT}`, ...headers }
  const distinct = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]]))
  const request = { headers: all, headersDistinct: distinct, method, url, socket: { localPort: PORT } }
  return pageRefusal(request as unknown as IncomingMessage, rules)?.code
}

describe('a request', () => {
  test('of a program to this machine is let in', () => {
    assert.equal(codeFor({}), undefined)
    assert.equal(codeFor({ headers: { host: `localhost:${PORT}` } }), undefined)
  })

  test('that names a foreign host is refused, even when the name points here', () => {
    assert.equal(codeFor({ headers: { host: `page.example:${PORT}` } }), 'FOREIGN_HOST')
  })

  test('that names another port is refused, unless any port is allowed', () => {
    const headers = { host: '127.0.0.1:9999' }

    assert.equal(codeFor({ headers }), 'FOREIGN_HOST')
    assert.equal(codeFor({ headers }, { host: 'loopback', port: 'any' }), undefined)
  })

  test('to an address is let in only where addresses are allowed', () => {
    const headers = { host: `192.0.2.7:${PORT}` }

    assert.equal(codeFor({ headers }), 'FOREIGN_HOST')
    assert.equal(codeFor({ headers }, { host: 'address', port: 'exact' }), undefined)
  })

  test('with the Origin of a page is refused, and with that of the known program is let in', () => {
    const headers = { origin: 'https://page.example' }

    assert.equal(codeFor({ headers }), 'FOREIGN_ORIGIN')
    assert.equal(codeFor({ headers }, { ...LOOPBACK, origin: 'https://page.example' }), undefined)
  })

  test('that a browser sends for a page without an Origin is refused', () => {
    assert.equal(codeFor({ headers: { 'sec-fetch-site': 'cross-site' } }), 'FOREIGN_ORIGIN')
    assert.equal(codeFor({ headers: { 'sec-fetch-site': 'none' } }), undefined)
  })

  test('for the permission to ask is refused', () => {
    assert.equal(codeFor({ method: 'OPTIONS' }), 'FOREIGN_ORIGIN')
    assert.equal(codeFor({ headers: { 'access-control-request-method': 'POST' } }), 'FOREIGN_ORIGIN')
  })

  test('whose target names a host itself is refused', () => {
    assert.equal(codeFor({ url: 'http://127.0.0.1:8080/' }), 'FOREIGN_HOST')
  })
})
