import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { deviceId } from '../../../../core/ids.ts'
import { createKeyFile, readKeyFile } from '../../../../hosts/auth-state/keys/key-file.ts'
import { keyFileWrapping } from '../../../../hosts/auth-state/keys/key-file-wrapping.ts'
import { kmsWrapping } from '../../../../hosts/auth-state/keys/kms-wrapping.ts'
import type { KeyWrapping } from '../../../../hosts/auth-state/keys/wrapping.ts'
import { newWrappingKey } from '../fixtures.ts'
import { type KmsStandIn, startKmsStandIn } from './kms-stand-in.ts'

const CONTEXT = { deviceId: deviceId('shop-1'), credentialsId: 'credentials-1' }

let kms: KmsStandIn
before(async () => {
  kms = await startKmsStandIn()
})
after(() => kms.close())

/** Two wrapping keys of one kind: the earlier one, and the one that replaced it. */
const KINDS: Record<string, () => { older: KeyWrapping; newer: KeyWrapping; stranger: KeyWrapping }> = {
  'the key file': () => {
    const [first, second] = [newWrappingKey(), newWrappingKey()]
    return {
      older: keyFileWrapping(async () => [first]),
      newer: keyFileWrapping(async () => [second, first]),
      stranger: keyFileWrapping(async () => [newWrappingKey()]),
    }
  },
  KMS: () => ({
    older: kmsWrapping(kms.client, kms.createKey()),
    newer: kmsWrapping(kms.client, kms.createKey()),
    stranger: kmsWrapping(kms.client, 'arn:aws:kms:eu-west-1:123456789012:key/unknown'),
  }),
}

for (const [kind, make] of Object.entries(KINDS)) {
  describe(`wrapping by ${kind}`, () => {
    test('gives a fresh data key of 32 bytes each time, and unwraps it', async () => {
      const { older } = make()
      const one = await older.generate(CONTEXT)
      const other = await older.generate(CONTEXT)

      assert.equal(one.plain.length, 32)
      assert.notDeepEqual(one.plain, other.plain)
      assert.deepEqual(await older.unwrap(one.wrapped, CONTEXT), one.plain)
      assert.ok(!Buffer.from(one.wrapped.wrapped, 'base64').includes(one.plain))
    })

    test('refuses a wrapped key for another device, or for other credentials of the same device', async () => {
      const { older } = make()
      const { wrapped } = await older.generate(CONTEXT)

      await assert.rejects(older.unwrap(wrapped, { ...CONTEXT, deviceId: deviceId('shop-2') }))
      await assert.rejects(older.unwrap(wrapped, { ...CONTEXT, credentialsId: 'credentials-2' }))
    })

    test('unwraps a data key that an older wrapping key has wrapped, and wraps it by the newer one', async () => {
      const { older, newer } = make()
      const { plain, wrapped } = await older.generate(CONTEXT)

      assert.notEqual(await newer.current(), wrapped.by)
      const again = await newer.wrap(await newer.unwrap(wrapped, CONTEXT), CONTEXT)

      assert.equal(again.by, await newer.current())
      assert.deepEqual(await newer.unwrap(again, CONTEXT), plain)
    })

    test('fails with an error that shows nothing of a key when the wrapping key is missing', async () => {
      const { older, stranger } = make()
      const { plain, wrapped } = await older.generate(CONTEXT)
      const unknown = { ...wrapped, by: kind === 'KMS' ? await stranger.current() : wrapped.by }

      const refused = await stranger.unwrap(unknown, CONTEXT).catch((error: Error) => error)

      assert.ok(refused instanceof Error)
      assert.match(refused.message, /NotFoundException|put that key back/)
      assert.ok(!refused.message.includes(plain.toString('base64')))
    })
  })
}

test('KMS is told the device and the credentials with each request', async () => {
  const wrapping = kmsWrapping(kms.client, kms.createKey())
  kms.requests.length = 0

  const { plain, wrapped } = await wrapping.generate(CONTEXT)
  await wrapping.unwrap(wrapped, CONTEXT)
  await wrapping.wrap(plain, CONTEXT)

  const asked = kms.requests.map(({ operation, body }) => [operation, body.EncryptionContext])
  assert.deepEqual(asked, [
    ['GenerateDataKey', CONTEXT],
    ['Decrypt', CONTEXT],
    ['Encrypt', CONTEXT],
  ])
})

test('an error of KMS keeps its name', async () => {
  const wrapping = kmsWrapping(kms.client, kms.createKey())
  kms.failWith('KMSInvalidStateException')
  try {
    await assert.rejects(wrapping.generate(CONTEXT), /KMS answers KMSInvalidStateException/)
  } finally {
    kms.failWith(undefined)
  }
})

describe('the key file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-key-file-'))
  after(() => rmSync(folder, { recursive: true }))
  const fresh = (name: string) => join(folder, name)

  test('is created with one key of 32 bytes, for its owner alone', async () => {
    const path = fresh('created')

    await createKeyFile(path)

    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(
      (await readKeyFile(path)).map((key) => key.length),
      [32],
    )
  })

  test('is never overwritten', async () => {
    const path = fresh('kept')
    await createKeyFile(path)
    const before = readFileSync(path, 'utf8')

    await createKeyFile(path)

    assert.equal(readFileSync(path, 'utf8'), before)
  })

  test('holds the newest key first', async () => {
    const path = fresh('two')
    const [newest, older] = [newWrappingKey(), newWrappingKey()]
    writeFileSync(path, `${newest.toString('base64')}\n\n${older.toString('base64')}\n`, { mode: 0o600 })

    assert.deepEqual(await readKeyFile(path), [newest, older])
  })

  test('is refused when others may read it', async () => {
    const path = fresh('open')
    await createKeyFile(path)
    chmodSync(path, 0o640)

    await assert.rejects(readKeyFile(path), /chmod 600/)
  })

  test('is refused when it is missing, empty or damaged, and the error shows no key', async () => {
    const key = newWrappingKey().toString('base64')
    writeFileSync(fresh('damaged'), `${key}\n${key.slice(4)}\n`, { mode: 0o600 })
    writeFileSync(fresh('empty'), '\n', { mode: 0o600 })

    await assert.rejects(readKeyFile(fresh('missing')), /put it back/)
    assert.ok(!existsSync(fresh('missing')))
    await assert.rejects(readKeyFile(fresh('empty')), /is empty/)
    const refused = await readKeyFile(fresh('damaged')).catch((error: Error) => error)
    assert.ok(refused instanceof Error)
    assert.match(refused.message, /key 2 .* is not 32 bytes/)
    assert.ok(!refused.message.includes(key.slice(4)))
  })
})
