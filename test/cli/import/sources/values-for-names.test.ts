/** A person may name a wrong column, and an export may have no header. Then values stand where names are
 *  expected, and nothing of them may be told or stored. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { initAuthCreds } from '@whiskeysockets/baileys'
import type { Source } from '../../../../cli/import/candidate.ts'
import { mayBeValue } from '../../../../cli/import/forms/names.ts'
import { plan } from '../../../../cli/import/plan.ts'
import { devicesTable } from '../../../../cli/import/sources/devices-table.ts'
import { keyRows } from '../../../../cli/import/sources/key-rows.ts'
import { mongodb } from '../../../../cli/import/sources/mongodb.ts'
import { redis } from '../../../../cli/import/sources/redis.ts'
import { linkedCreds } from '../builders.ts'
import { inText, linesFile } from './key-stores.ts'

const { noiseKey } = initAuthCreds()
const CREDS = inText(linkedCreds({ noiseKey }))
const PRE_KEY = inText(noiseKey)
/** Of the private key, in the forms in which it might be told. */
const SECRETS = [Buffer.from(noiseKey.private).toString('base64').slice(0, 12), PRE_KEY.slice(0, 60)]
const cell = (text: string) => `"${text.replaceAll('"', '""')}"`
const ROWS = [
  { session: 'shop-1', id: 'creds', value: CREDS },
  { session: 'shop-1', id: 'pre-key-1', value: PRE_KEY },
  { session: 'shop-1', id: 'pre-key-2', value: Buffer.from(PRE_KEY).toString('base64') },
  { session: 'shop-1', id: 'pre-key-3', value: `\\x${Buffer.from(PRE_KEY).toString('hex')}` },
]
const DEVICES = { idColumn: 'id', nameColumn: 'device_name', serverColumn: 'server', sessionColumn: 'data' }
const DEVICE = JSON.stringify({ id: 'shop-1', server: '', device_name: 'Shop', data: `{"creds":${CREDS}}` })

/** Everything that is told of a source, and everything that would be stored in the open. */
async function toldOf(source: Source): Promise<string> {
  const told: unknown[] = []
  try {
    for await (const { deviceId, name, homeName } of source.candidates())
      told.push({ deviceId, name, homeName })
    told.push(await plan(undefined, source, { linkedOnly: false }, () => undefined))
  } catch (error) {
    told.push((error as Error).message)
  }
  const text = JSON.stringify(told)
  for (const secret of [...SECRETS, ...SECRETS.map((one) => JSON.stringify(one).slice(1, -1))]) {
    assert.equal(text.includes(secret), false, `told: ${text.slice(0, 2000)}`)
  }
  assert.equal(text.includes(ROWS[2]?.value.slice(0, 60) ?? ''), false, 'base64 is told')
  assert.equal(text.includes(ROWS[3]?.value.slice(4, 60) ?? ''), false, 'hex is told')
  return text
}

const rowsIn = (test: TestContext) =>
  linesFile(
    test,
    'rows.jsonl',
    ROWS.map((row) => JSON.stringify(row)),
  )

test('CSV without a header is refused, and its first row is not told', async (context) => {
  const csv = ROWS.map(({ session, id, value }) => [session, id, cell(value)].join(','))
  const file = linesFile(context, 'rows.csv', csv)

  for (const source of [
    keyRows(file, {}),
    mongodb(file, {}),
    redis(file, {}),
    devicesTable(file, DEVICES),
    keyRows(linesFile(context, 'rows.csv', csv.toReversed()), {}),
  ]) {
    assert.match(await toldOf(source), /has no header: its first line holds values. Export it with a header/)
  }
})

test('a column of values named as that of the session is refused', async (context) => {
  const file = rowsIn(context)

  assert.match(await toldOf(keyRows(file, { sessionColumn: 'value' })), /values.*--session-column/)
  assert.match(await toldOf(mongodb(file, { sessionField: 'value' })), /values.*--session-field/)
})

test('a column of values named as that of the key is told without a value', async (context) => {
  const file = rowsIn(context)

  await toldOf(keyRows(file, { keyColumn: 'value', sessionColumn: 'session' }))
  await toldOf(keyRows(file, { keyColumn: 'value', sessionColumn: 'id' }))
  await toldOf(mongodb(file, { keyField: 'value' }))
  await toldOf(
    redis(
      linesFile(
        context,
        'r.jsonl',
        ROWS.map(({ id, value }) => JSON.stringify({ key: value, value: id })),
      ),
      {},
    ),
  )
})

test('a device whose id, name or server is its session data is told and stored without', async (context) => {
  const file = linesFile(context, 'devices.jsonl', [DEVICE])

  assert.match(await toldOf(devicesTable(file, { ...DEVICES, idColumn: 'data' })), /no device id/)
  await toldOf(devicesTable(file, { ...DEVICES, nameColumn: 'data' }))
  await toldOf(devicesTable(file, { ...DEVICES, serverColumn: 'data' }))
})

test('keys whose names are values are told without', async (context) => {
  const named = JSON.stringify({
    id: 'shop-1',
    server: '',
    data: `{"creds":${CREDS},"keys":{${ROWS.map(({ value }) => `${JSON.stringify(value)}:{"a":1}`).join()}}}`,
  })

  assert.match(
    await toldOf(devicesTable(linesFile(context, 'devices.jsonl', [named]), DEVICES)),
    /left out: Baileys has none/,
  )
})

test('unusual names are no values', () => {
  const names = [
    'The "shop", Main Street',
    '{shop-1}',
    'tenants/main-street/550e8400-e29b-41d4-a716-446655440000',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'app-state-sync-version-critical_unblock_low',
  ]

  assert.deepEqual(names.filter(mayBeValue), [])
})
