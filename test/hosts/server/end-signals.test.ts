import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../../hosts/main.ts', import.meta.url))
const METADATA = {
  TaskARN: `arn:aws:ecs:eu-west-1:123456789012:task/Mooring/${'0a1b2c3d'.repeat(4)}`,
  Containers: [{ Networks: [{ IPv4Addresses: ['127.0.0.1'] }] }],
}

/** Long enough for a signal to arrive first, and shorter than a server waits for its metadata. */
const ANSWER_AFTER_MS = 500

/** Is the tables and the task metadata for one server. When the server asks for its metadata, `early` runs.
 *  A server that is still there then gets the answer, so that it could join. */
async function startAws(early: (host: ChildProcess) => void) {
  const asked: string[] = []
  let host: ChildProcess | undefined
  const aws = createServer((request, response) => {
    const target = request.headers['x-amz-target'] ?? request.url
    asked.push(String(target))
    if (request.url === '/metadata/task' && host) early(host)
    setTimeout(() => response.end(JSON.stringify(METADATA)), ANSWER_AFTER_MS)
  })
  aws.listen(0, '127.0.0.1')
  await once(aws, 'listening')
  return { aws, asked, start: (keyFile: string) => (host = startHost(aws, keyFile)) }
}

function startHost(aws: Server, keyFile: string): ChildProcess {
  const url = `http://127.0.0.1:${(aws.address() as AddressInfo).port}`
  return spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_DYNAMODB: url,
      AWS_ENDPOINT_URL_LAMBDA: url,
      ECS_CONTAINER_METADATA_URI_V4: `${url}/metadata`,
      ASSIGN_FUNCTION: 'assign',
      DOORBELL_SECRET: 'the secret of this test',
      AUTH_KEY_FILE: keyFile,
      SERVER_PORT: '0',
      SERVER_LISTEN: '127.0.0.1',
    },
  })
}

describe('a server that is told to end before it has joined', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-early-end-'))
  const keyFile = join(folder, 'auth-keys')

  before(() => writeFileSync(keyFile, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 }))
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`ends in order at ${signal}, and never asks the tables for a place`, async () => {
      const { aws, asked, start } = await startAws((host) => host.kill(signal))
      const [code, killedBy] = await once(start(keyFile), 'exit')
      aws.closeAllConnections()
      aws.close()

      assert.deepEqual([code, killedBy], [0, null])
      assert.deepEqual(asked, ['/metadata/task'])
    })
  }
})
