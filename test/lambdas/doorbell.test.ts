import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { verifyDoorbell } from '../../core/request-signature.ts'
import { createDoorbellHandler, type DoorbellEvent } from '../../lambdas/doorbell.ts'
import { embeddedTables, type Tables } from '../builders/builders.ts'
import { aContext, lambdaWorldOn } from './events.ts'

const SECRET = 'a secret of the fleet'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** A server that takes rings and answers with `status`. */
async function aListener(status = 202) {
  const rings: { path: string; body: string; time: string; signature: string }[] = []
  const http = createServer(async (request, response) => {
    rings.push(await readRing(request))
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const close = () => {
    http.closeAllConnections()
    http.close()
  }
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, rings, close }
}

async function readRing(request: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return {
    path: request.url ?? '',
    body: Buffer.concat(chunks).toString(),
    time: String(request.headers['x-mooring-time']),
    signature: String(request.headers['x-mooring-signature']),
  }
}

async function aDoorbell() {
  const { telemetry, told } = lambdaWorldOn(await tables.fresh())
  const handler = createDoorbellHandler({ clock: systemClock, telemetry, secret: SECRET })
  return { told, ring: (event: DoorbellEvent) => handler(event, aContext()) }
}

test('every server is rung once, with the signature of the fleet', async () => {
  const { ring, told } = await aDoorbell()
  const listener = await aListener()
  await ring({
    servers: [
      { serverId: 'server-1', url: listener.url },
      { serverId: 'server-2', url: `${listener.url}/` },
    ],
  })
  listener.close()
  assert.deepEqual(listener.rings.map(({ path, body }) => `${path} ${body}`).toSorted(), [
    '/doorbell {"serverId":"server-1"}',
    '/doorbell {"serverId":"server-2"}',
  ])
  assert.deepEqual(
    listener.rings.map((said) => verifyDoorbell(SECRET, said, said.body, systemClock.wallMs())),
    [true, true],
  )
  assert.equal(told('doorbell.unanswered').length, 0)
})

test('a server that refuses or does not exist is logged, and the others are rung', async () => {
  const { ring, told } = await aDoorbell()
  const refusing = await aListener(401)
  const listener = await aListener()
  await ring({
    servers: [
      { serverId: 'refusing', url: refusing.url },
      { serverId: 'gone', url: 'http://127.0.0.1:9' },
      { serverId: 'there', url: listener.url },
    ],
  })
  refusing.close()
  listener.close()
  assert.equal(listener.rings.length, 1)
  assert.deepEqual(
    told('doorbell.unanswered')
      .map((fields) => fields.serverId)
      .toSorted(),
    ['gone', 'refusing'],
  )
})

test('a server that does not answer is given up after 1.5 s', async () => {
  const { ring, told } = await aDoorbell()
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const begun = performance.now()
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  await ring({ servers: [{ serverId: 'silent', url }] })
  silent.closeAllConnections()
  silent.close()
  assert.ok(performance.now() - begun < 4000)
  assert.equal(told('doorbell.unanswered').length, 1)
})

test('an event of another form rings nobody and throws nothing', async () => {
  const { ring, told } = await aDoorbell()
  await ring({ servers: [{ serverId: 'server-1', url: 'file:///etc/passwd' }] })
  assert.equal(told('doorbell.unanswered').length, 1)
})

for (const [why, form] of [
  ['a name', (url: string) => url.replace('127.0.0.1', 'localhost.example.org')],
  ['a path', (url: string) => `${url}/latest/meta-data`],
  ['a query', (url: string) => `${url}/?a=`],
  ['a user', (url: string) => url.replace('//', '//user:pass@')],
  ['https', (url: string) => url.replace('http:', 'https:')],
] as const) {
  test(`a server whose address has ${why} is logged and not rung; the others are rung`, async () => {
    const { ring, told } = await aDoorbell()
    const listener = await aListener()
    await ring({
      servers: [
        { serverId: 'forged', url: form(listener.url) },
        { serverId: 'there', url: listener.url },
      ],
    })
    listener.close()
    assert.deepEqual(
      listener.rings.map(({ path, body }) => `${path} ${body}`),
      ['/doorbell {"serverId":"there"}'],
    )
    assert.deepEqual(
      told('doorbell.unanswered').map(({ serverId }) => serverId),
      ['forged'],
    )
  })
}

test('a redirect by a server is not followed', async () => {
  const { ring, told } = await aDoorbell()
  const listener = await aListener()
  const redirecting = createServer((_, response) => {
    response.writeHead(307, { location: `${listener.url}/doorbell` }).end()
  }).listen(0, '127.0.0.1')
  await once(redirecting, 'listening')
  const url = `http://127.0.0.1:${(redirecting.address() as AddressInfo).port}`
  await ring({ servers: [{ serverId: 'redirecting', url }] })
  redirecting.closeAllConnections()
  redirecting.close()
  listener.close()
  assert.deepEqual(listener.rings, [])
  assert.equal(told('doorbell.unanswered').length, 1)
})
