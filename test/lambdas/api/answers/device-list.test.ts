import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  anActiveServer,
  embeddedTables,
  ownedDevices,
  type Tables,
  waitingDevices,
} from '../../../builders/builders.ts'
import { anApi, type TestApi } from '../../events.ts'

let tables: Tables
let api: TestApi
/** 12 devices wait, 9 are on server-1, 4 on server-2. */
before(async () => {
  tables = await embeddedTables()
  api = await anApi(tables)
  await waitingDevices(api.world, 12, 'waiting')
  await ownedDevices(api.world, await anActiveServer(api.world, 'server-1'), 9)
  api.world.clock.advance(60_000)
  await ownedDevices(api.world, await anActiveServer(api.world, 'server-2'), 4)
})
after(() => tables.close())

/** The ids on each page of the listing. */
async function pagesOf(query: string, cursor = ''): Promise<string[][]> {
  const { body, status } = await api.call('GET', `/devices?${query}${cursor && `&cursor=${cursor}`}`)
  assert.equal(status, 200)
  const page = body.devices.map((device: { deviceId: string }) => device.deviceId)
  return body.next ? [page, ...(await pagesOf(query, body.next))] : [page]
}

const filters: readonly [query: string, devices: number][] = [
  ['', 25],
  ['status=unassigned', 12],
  ['status=assigned', 13],
  ['owner=server-1', 9],
  ['status=assigned&owner=server-2', 4],
  ['updatedSince=2030-01-01T00:00:30Z', 4],
  ['status=assigned&updatedSince=2030-01-01T00:00:30Z', 4],
  ['owner=server-1&updatedSince=2030-01-01T00:00:30Z', 0],
  ['status=connected', 0],
]

for (const [query, expected] of filters) {
  for (const limit of [1, 2, 3, 200]) {
    test(`the pages of "${query}" with up to ${limit} devices hold each device once`, async () => {
      const pages = await pagesOf(`limit=${limit}${query && `&${query}`}`)
      const ids = pages.flat()
      assert.equal(ids.length, expected)
      assert.equal(new Set(ids).size, expected)
      assert.ok(pages.every((page) => page.length <= limit))
    })
  }
}

test('a listed device names its owner', async () => {
  const { body } = await api.call('GET', '/devices?owner=server-2&limit=1')
  assert.deepEqual(body.devices[0].owner, { serverId: 'server-2', name: 'server-2' })
})

async function aCursor(): Promise<string> {
  return (await api.call('GET', '/devices?limit=3')).body.next
}

test('a cursor that was changed in one place is refused', async () => {
  const cursor = await aCursor()
  const changed = (cursor.startsWith('x') ? 'y' : 'x') + cursor.slice(1)
  const { status, body } = await api.call('GET', `/devices?limit=3&cursor=${changed}`)
  assert.equal(status, 400)
  assert.equal(body.code, 'BAD_CURSOR')
})

test('a cursor is refused with other filters than it was given for', async () => {
  const { status, body } = await api.call('GET', `/devices?status=assigned&cursor=${await aCursor()}`)
  assert.equal(status, 400)
  assert.equal(body.code, 'BAD_CURSOR')
})

test('a cursor that was pointed to another position is refused', async () => {
  const [, digest] = (await aCursor()).split('.')
  const elsewhere = Buffer.from('{"deviceId":"waiting-3"}').toString('base64url')
  const { status, body } = await api.call('GET', `/devices?limit=3&cursor=${elsewhere}.${digest}`)
  assert.equal(status, 400)
  assert.equal(body.code, 'BAD_CURSOR')
})

test('a cursor is refused with one filter more than it was given for', async () => {
  const { status, body } = await api.call(
    'GET',
    `/devices?updatedSince=2030-01-01T00:00:00Z&cursor=${await aCursor()}`,
  )
  assert.equal(status, 400)
  assert.equal(body.code, 'BAD_CURSOR')
})

test('the cursor of a history is refused by the list of devices', async () => {
  await api.call('POST', '/devices', { body: { deviceId: 'waiting-1' } })
  await api.call('POST', '/devices/waiting-1/start')
  await api.call('POST', '/devices/waiting-1/start')
  const { body: history } = await api.call('GET', '/devices/waiting-1/history?limit=1')
  const { status, body } = await api.call('GET', `/devices?cursor=${history.next}`)
  assert.equal(status, 400)
  assert.equal(body.code, 'BAD_CURSOR')
})

/** Positions that no row has. A reader of the source could forge them. */
const FORGED = [
  { status: 'unassigned', updatedAt: 1e300, deviceId: 'waiting-1' },
  { status: 'unassigned', updatedAt: 0, deviceId: 'waiting-1' },
  { deviceId: 'waiting-1' },
  {},
]

for (const place of FORGED) {
  test(`a cursor for ${JSON.stringify(place)} that was signed without the secret is refused`, async () => {
    const text = Buffer.from(JSON.stringify(place)).toString('base64url')
    const signature = createHash('sha256').update(`devices {"status":"unassigned"}\n${text}`).digest('hex')
    const cursors = [`${text}.${signature.slice(0, 16)}`, `${text}.${signature}`, `${text}.`, text]

    const answers = await Promise.all(
      cursors.map((cursor) => api.call('GET', `/devices?status=unassigned&cursor=${cursor}`)),
    )

    for (const { status, body } of answers) {
      assert.equal(status, 400)
      assert.equal(body.code, 'BAD_CURSOR')
    }
  })
}
