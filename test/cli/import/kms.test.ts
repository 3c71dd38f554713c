import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { scanAll } from '../../../core/store/store.ts'
import { type KmsStandIn, startKmsStandIn } from '../../hosts/auth-state/keys/kms-stand-in.ts'
import { startMooring } from '../mooring-command.ts'
import { aFolder, keysOfAllTypes, startTestImport, type TestImport } from './builders.ts'

let fleet: TestImport
let kms: KmsStandIn
/** As on AWS: a KMS key, and no key file. */
let variables: Record<string, string>

before(async () => {
  fleet = await startTestImport()
  kms = await startKmsStandIn()
  const { AUTH_KEY_FILE: _none, ...others } = fleet.variables
  variables = { ...others, AUTH_KEY: kms.createKey(), AWS_ENDPOINT_URL_KMS: kms.url }
})

after(async () => {
  await kms?.close()
  await fleet?.close()
})

test('an import with a KMS key has KMS wrap the data key of each device, and an export has KMS unwrap it', async () => {
  await aFolder(fleet.at('old', 'shop-1'), { keys: keysOfAllTypes() })

  const taken = await startMooring(['import', 'multi-file', fleet.at('old'), '--yes'], variables).ended

  assert.equal(taken.exit, 0, taken.err)
  const row = await fleet.device('shop-1')
  const context = { deviceId: 'shop-1', credentialsId: row?.credentialsId }
  const generated = kms.requests.filter(({ operation }) => operation === 'GenerateDataKey')
  assert.deepEqual(
    generated.map(({ body }) => body.EncryptionContext),
    [context],
  )
  await fleet.store.update(
    'Devices',
    { deviceId: row?.deviceId as never },
    { set: { desired: 'stopped', status: 'stopped' }, when: [] },
  )

  const back = await startMooring(['export', 'shop-1', fleet.at('new'), '--yes'], variables).ended

  assert.equal(back.exit, 0, back.err)
  assert.deepEqual(kms.requests.at(-1)?.body.EncryptionContext, context)
  const creds = (folder: string) => JSON.parse(readFileSync(`${folder}/creds.json`, 'utf8'))
  assert.deepEqual(creds(fleet.at('new')), creds(fleet.at('old', 'shop-1')))
})

test('while KMS refuses, a device fails with the reason, and none of its credentials are stored', async () => {
  await aFolder(fleet.at('refused', 'shop-2'))
  kms.failWith('AccessDeniedException')

  const { exit, out, err } = await startMooring(
    ['import', 'multi-file', fleet.at('refused'), '--yes'],
    variables,
  ).ended

  kms.failWith(undefined)
  assert.equal(exit, 1, out)
  assert.match(out + err, /AccessDenied/)
  assert.notEqual((await fleet.device('shop-2'))?.desired, 'running')
  const items = await scanAll(fleet.store, 'AuthState')
  assert.deepEqual(
    items.filter(({ deviceId, value }) => deviceId === 'shop-2' && value !== undefined),
    [],
  )
})
