/**
 * `npm run bench:auth-state`: what the auth state costs at DynamoDB, and how its times compare with Baileys'
 * own files. A person runs it. It must leave neither a process nor a file behind.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { createKeyFile, readKeyFile } from '../../hosts/auth-state/keys/key-file.ts'
import { keyFileWrapping } from '../../hosts/auth-state/keys/key-file-wrapping.ts'
import { silenceConsole } from '../../hosts/whatsapp/silence-console.ts'
import { LOCAL_TABLE_PREFIX, localClient } from '../../local/database.ts'
import { type Act, runActs } from './acts.ts'
import { startDatabaseThread } from './database-thread.ts'
import { interleave, median, mooringSubject, multiFileSubject } from './replay.ts'

const REQUEST_MS_MAX = 30_000
const ROUNDS = '15'

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: ROUNDS } } })
  const rounds = Number(values.rounds)
  if (!Number.isSafeInteger(rounds) || rounds < 1)
    throw new Error('--rounds must be a whole number, 1 or more')
  silenceConsole()
  const folder = await mkdtemp(join(tmpdir(), 'mooring-bench-'))
  const database = await startDatabaseThread()
  const client = localClient(database.endpoint)
  try {
    const keyFile = join(folder, 'auth-keys')
    await createKeyFile(keyFile)
    const wrapping = keyFileWrapping(() => readKeyFile(keyFile))
    const store = dynamoDbStore(client, LOCAL_TABLE_PREFIX, REQUEST_MS_MAX)
    const acts = await runActs(store, wrapping)
    const times = await interleave(acts, rounds, {
      mooring: () => mooringSubject(store, wrapping),
      multiFile: () => multiFileSubject(folder),
    })
    print(draw(acts, times))
    print(
      [
        '',
        'Requests and write units of 1 KB: a device with the real client, against a simulated WhatsApp. The table',
        'has no index. The wrapping key is a file; with KMS, each pairing, first login and reconnect makes one more',
        `request. Times: the same calls made again, medians of ${rounds} interleaved rounds on this machine. Mooring`,
        "uses the embedded DynamoDB in a thread, Baileys' useMultiFileAuthState a folder. Only Mooring fences and",
        'encrypts, and keeps received messages until an application takes them.',
      ].join('\n'),
    )
  } finally {
    client.destroy()
    await database.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function draw(acts: readonly Act[], times: { mooring: number[][]; multiFile: number[][] }): string {
  const rows = acts.map(({ name, requests, writeUnits }, at) => {
    const mooring = median(times.mooring.map((round) => round[at] ?? Number.NaN))
    const multiFile = median(times.multiFile.map((round) => round[at] ?? Number.NaN))
    const inMs = [mooring, multiFile].map((ms) => ms.toFixed(1))
    return [name, String(requests), String(writeUnits), ...inMs, (mooring / multiFile).toFixed(2)]
  })
  const titles = ['operation', 'requests', 'write units', 'Mooring ms', 'multi-file ms', 'ratio']
  const widths = titles.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
  return [titles, ...rows].map(line).join('\n')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

// Baileys does not await everything that it sends; a socket that closes meanwhile must not end the process.
process.on('unhandledRejection', () => undefined)
await main()
process.exit(0)
