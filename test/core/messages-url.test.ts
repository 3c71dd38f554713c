import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesUrlFault, shownUrl } from '../../core/messages-url.ts'

const faultOf = (url: string) => messagesUrlFault(url, ['http:', 'https:'])

test('a URL at which an application can take messages is accepted', () => {
  const fine = [
    'http://127.0.0.1:8080/hook',
    'https://example.org',
    'http://[::1]:8080/',
    'https://app.example/a?tenant=1&b=%40',
    'HTTP://localhost:65535/a@b',
  ]
  assert.deepEqual(
    fine.map(faultOf),
    fine.map(() => undefined),
  )
})

for (const url of [
  'http://anna:hunter2hunter2@127.0.0.1:8080/hook',
  'http://hunter2hunter2@127.0.0.1/',
  'https://:hunter2hunter2@example.org/',
  'http://@127.0.0.1/hunter2hunter2',
  'HTTP://a%40b:hunter2hunter2@example.org',
]) {
  test(`a URL with a user or a password in it is refused, and not shown: ${url.replace(/hunter2/g, '*')}`, () => {
    const fault = faultOf(url) ?? ''
    assert.match(fault, /must not have a user or a password/)
    assert.doesNotMatch(fault, /hunter2|anna/)
  })
}

for (const [url, why] of [
  ['http://127.0.0.1:22/', /port 22, which fetch never connects to/],
  ['http://127.0.0.1:6000/hook', /port 6000/],
  ['https://example.org:10080/', /port 10080/],
  ['http://127.0.0.1:0/', /port 0/],
  ['ftp://example.org/', /begins with http:\/\/ or https:\/\//],
  ['http:example.org', /begins with/],
  ['127.0.0.1:8080/hook', /begins with/],
  ['http://', /begins with/],
  ['', /begins with/],
  ['http://example.org:99999/', /begins with/],
  ['http://example.org/a b', /a blank/],
  ['http://example.org/a\n', /a blank/],
  ['http://example.org/#part', /a #/],
  [`http://example.org/${'a'.repeat(3000)}`, /longer than 2048/],
] as const) {
  test(`${JSON.stringify(url.slice(0, 40))} is refused at once, with the reason`, () => {
    assert.match(faultOf(url) ?? '', why)
  })
}

test('http is refused where only https is allowed', () => {
  assert.match(messagesUrlFault('http://example.org/', ['https:']) ?? '', /begins with https:\/\/$/)
})

test('a URL is shown without its query', () => {
  assert.equal(shownUrl('https://example.org/hook?token=hunter2'), 'https://example.org/hook?...')
})
