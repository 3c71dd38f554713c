import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverUrlFault } from '../../core/server-url.ts'

test('a URL that a server can have is accepted', () => {
  const fine = [
    'http://10.0.0.1:8080',
    'http://172.31.255.254:8080/',
    'http://192.168.1.2:8080',
    'http://100.64.0.1:8080',
    'http://127.0.0.1:41234',
    'http://localhost:8080',
    'http://[::1]:8080',
    'http://[fd12:3456::1]:8080',
  ]
  assert.deepEqual(
    fine.map(serverUrlFault),
    fine.map(() => undefined),
  )
})

for (const [url, why] of [
  ['https://10.0.0.1:8080', /is http:/],
  ['file:///etc/passwd', /is http:/],
  ['10.0.0.1:8080', /is http:/],
  ['', /is http:/],
  ['http://user:pass@10.0.0.1:8080', /user or a password/],
  ['http://10.0.0.1:8080/latest/meta-data', /a path/],
  ['http://10.0.0.1:8080/?a=1', /a query/],
  ['http://10.0.0.1:8080/?', /a query/],
  ['http://10.0.0.1:8080/#a', /fragment/],
  ['http://10.0.0.1:22', /port 22/],
  ['http://8.8.8.8:8080', /private address/],
  ['http://169.254.169.254', /private address/],
  ['http://169.254.170.2/', /private address/],
  ['http://0xa9fea9fe', /private address/],
  ['http://[::ffff:169.254.169.254]', /private address/],
  ['http://[fd00:ec2::254]', /private address/],
  ['http://[fe80::1]:8080', /private address/],
  ['http://0.0.0.0:8080', /private address/],
  ['http://example.org:8080', /private address/],
  ['http://10.0.0.1.example.org:8080', /private address/],
  ['http://localhost.example.org:8080', /private address/],
] as const) {
  test(`${url} is refused as the URL of a server`, () => {
    assert.match(serverUrlFault(url) ?? '', why)
  })
}
