/** Amazon's own DynamoDB Local, for the contract suite: a Java program, so it runs only where it is found.
 *  `.ci/run` brings it and sets MOORING_DYNAMODB_LOCAL, and from then on its absence is a failure instead
 *  of a reason to skip. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { createTables, localClient } from '../../local/database.ts'
import type { Tables } from '../builders/builders.ts'

const FOLDER = resolve(process.env.MOORING_DYNAMODB_LOCAL ?? '.mooring/dynamodb-local')
const JAR = 'DynamoDBLocal.jar'
const JAVA_MIN = 17
const START_MS_MAX = 30_000
const REQUEST_MS_MAX = 10_000

/** Why it cannot run here; undefined when it can.
 *  @throws Error when it was asked for by MOORING_DYNAMODB_LOCAL */
export function whyNoDynamoDbLocal(): string | undefined {
  const reason = missing()
  if (reason && process.env.MOORING_DYNAMODB_LOCAL) throw new Error(reason)
  return reason
}

function missing(): string | undefined {
  if (!existsSync(join(FOLDER, JAR))) return `DynamoDB Local was not run: there is no ${join(FOLDER, JAR)}`
  const version = /version "(\d+)/.exec(spawnSync('java', ['-version'], { encoding: 'utf8' }).stderr ?? '')
  if (Number(version?.[1] ?? 0) >= JAVA_MIN) return undefined
  return `DynamoDB Local was not run: it needs Java ${JAVA_MIN}, found ${version?.[1] ?? 'none'}`
}

export async function dynamoDbLocalTables(): Promise<Tables> {
  const port = await freePort()
  const options = [`-Djava.library.path=${join(FOLDER, 'DynamoDBLocal_lib')}`, '-jar', join(FOLDER, JAR)]
  const java = spawn('java', [...options, '-inMemory', '-port', String(port)], {
    stdio: 'ignore',
    // It writes a telemetry file into its working directory.
    cwd: tmpdir(),
    env: { ...process.env, DDB_LOCAL_TELEMETRY: '0' },
  })
  const exited = new Promise<void>((resolve) => java.once('exit', () => resolve()))
  const client = localClient(`http://127.0.0.1:${port}`)
  const close = async () => {
    client.destroy()
    java.kill()
    await exited
  }
  try {
    await answering(client)
  } catch (error) {
    await close()
    throw error
  }
  let count = 0
  return {
    async fresh() {
      count += 1
      await createTables(client, `Test${count}-`)
      return dynamoDbStore(client, `Test${count}-`, REQUEST_MS_MAX)
    },
    close,
  }
}

async function answering(client: DynamoDBClient): Promise<void> {
  const until = performance.now() + START_MS_MAX
  for (;;) {
    try {
      await client.send(new ListTablesCommand({}))
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await pause(100)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
