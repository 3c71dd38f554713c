import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startMooring } from '../mooring-command.ts'
import { aFolder, keysOfAllTypes } from './builders.ts'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'mooring-check-'))
})
after(() => rmSync(folder, { recursive: true }))

/** Without a fleet: no key, no region, no credentials. */
const check = (...args: string[]) => startMooring(['import', ...args, '--check'], {}).ended

test('--check needs no fleet, and tells for each device what it holds', async () => {
  await aFolder(join(folder, 'whole', 'shop-1'), {
    jid: '15550100101:3@s.whatsapp.net',
    keys: keysOfAllTypes(),
  })
  await aFolder(join(folder, 'whole', 'shop-2'), { jid: '15550100102:3@s.whatsapp.net' })

  const { out, err, exit } = await check('multi-file', join(folder, 'whole'))

  assert.equal(exit, 0, err)
  assert.match(out, /shop-1 +15550100101:3@s\.whatsapp\.net +4 +2 +3 +3\+1 +whole/)
  assert.match(out, /shop-2 .* 0 +0 +0 +0\+0 +whole +it has no keys/)
  assert.match(out, /^2 folders: 2 whole$/m)
})

test('--check tells why a device is unusable, with exit code 1, and as JSON the same', async () => {
  await aFolder(join(folder, 'cut', 'shop-1'))
  writeFileSync(join(folder, 'cut', 'shop-1', 'creds.json'), '{"noiseKey":{"priv')

  const words = await check('multi-file', join(folder, 'cut'))
  const json = await startMooring(['--json', 'import', 'multi-file', join(folder, 'cut'), '--check'], {})
    .ended

  assert.equal(words.exit, 1)
  assert.match(words.out, /unusable +its creds\.json is damaged/)
  assert.match(words.err, /^1 folder would not be imported\.$/m)
  assert.equal(json.exit, 1)
  assert.match(JSON.parse(json.out).devices[0].why, /damaged/)
})

test('--check of rows without credentials tells that they are not linked', async () => {
  const file = join(folder, 'devices.csv')
  writeFileSync(file, 'id,device_name,assigned_server_id,session_data\nshop-1,The shop,,\n')

  const { out, exit, err } = await check('postgres', file)

  assert.equal(exit, 0, err)
  assert.match(out, /^1 row: 1 not linked$/m)
})
