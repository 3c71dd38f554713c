import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { LOCAL_CREDENTIALS, LOCAL_REGION, LOCAL_TABLE_PREFIX } from '../../local/database.ts'
import { startTestFleet, type TestFleet } from '../fleet/fleet-under-test.ts'
import { commandOf, compressedBytes, layOut } from './image-layout.ts'

const MB = 1_000_000
const IMAGE_MB_MAX = 250
/** node:24.21.0-slim for ARM64, compressed, rounded up. */
const BASE_MB = 90

const folder = mkdtempSync(join(tmpdir(), 'mooring-image-'))
let fleet: TestFleet
let host: ChildProcess

before(async () => {
  layOut(folder)
  fleet = await startTestFleet({ servers: 0 })
})

after(async () => {
  host?.kill('SIGKILL')
  await fleet?.close()
  rmSync(folder, { recursive: true, force: true })
})

function startFromLayout(): ChildProcess {
  const [, ...args] = commandOf()
  return spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      NODE_ENV: 'production',
      AWS_REGION: LOCAL_REGION,
      AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: fleet.database.endpoint,
      AWS_ENDPOINT_URL_LAMBDA: fleet.controlPlane.lambdaEndpoint,
      TABLE_PREFIX: LOCAL_TABLE_PREFIX,
      ASSIGN_FUNCTION: fleet.controlPlane.functions.assign,
      // Not the secret of the fleet: its rings are refused, so this server looks only at its beats.
      DOORBELL_SECRET: 'the secret of the image test',
      AUTH_KEY_FILE: fleet.authKeyFile,
      SERVER_NAME: 'from-the-image',
      SERVER_PORT: '0',
      SERVER_LISTEN: '127.0.0.1',
      WHATSAPP_URL: fleet.simulator.url,
      HISTORY_SYNC: 'off',
    },
  })
}

describe('the image', () => {
  test('is enough for a server: it joins the fleet and connects a device', async () => {
    host = startFromLayout()
    await fleet.untilActive('from-the-image')
    const [linked] = await fleet.linkDevices(1, 'image')
    assert.equal(linked, 'image-1')
    fleet.assertNeverTwoSockets()
  })

  test('leaves at SIGTERM as PID 1 must: by its own handler, with exit code 0', async () => {
    const exited = new Promise((resolve) => host.once('exit', resolve))
    host.kill('SIGTERM')
    assert.equal(await exited, 0)
  })

  test('has no development files: no compiler, no CDK, no Lambdas, no tests', () => {
    for (const absent of [
      'typescript',
      'aws-cdk-lib',
      'esbuild',
      'dynalite',
      '@middy/http-router',
      'sharp',
    ]) {
      assert.equal(existsSync(join(folder, 'node_modules', absent)), false, absent)
    }
    for (const absent of ['lambdas', 'lib', 'local', 'test']) {
      assert.equal(existsSync(join(folder, absent)), false, absent)
    }
  })

  test('is the same for every processor: no native module is in it', () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    assert.ok(files.length > 1000)
    assert.deepEqual(
      files.filter((file) => /\.(node|so|dylib|dll)$/.test(file)),
      [],
    )
  })

  test(`stays below ${IMAGE_MB_MAX} MB with its base, compressed as registries keep it`, (context) => {
    const megabytes = Math.ceil(compressedBytes(folder) / MB)
    context.diagnostic(`${megabytes} MB of ours on ${BASE_MB} MB of the base`)
    assert.ok(megabytes + BASE_MB < IMAGE_MB_MAX)
  })
})
