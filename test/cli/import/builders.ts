/** Multi-file auth folders as the real Baileys writes them, and a database of the test on which the commands
 *  run. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuthenticationCreds,
  BufferJSON,
  Curve,
  initAuthCreds,
  proto,
  type SignalDataSet,
  useMultiFileAuthState,
} from '@whiskeysockets/baileys'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, epoch } from '../../../core/ids.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { type OpenAuthState, openAuthState } from '../../../hosts/auth-state/auth-state.ts'
import { createKeyFile, readKeyFile } from '../../../hosts/auth-state/keys/key-file.ts'
import { keyFileWrapping } from '../../../hosts/auth-state/keys/key-file-wrapping.ts'
import type { KeyWrapping } from '../../../hosts/auth-state/keys/wrapping.ts'
import {
  LOCAL_CREDENTIALS,
  LOCAL_REGION,
  LOCAL_TABLE_PREFIX,
  startDatabase,
} from '../../../local/database.ts'
import { type Ran, startMooring } from '../mooring-command.ts'

const REQUEST_MS_MAX = 10_000

export interface TestImport {
  readonly folder: string
  readonly store: Store
  readonly wrapping: KeyWrapping
  /** The environment of the commands. */
  readonly variables: Readonly<Record<string, string>>
  /** A path below the test's own folder. */
  at(...names: string[]): string
  /** @param killAfterMs kills the command this long after its start */
  mooring(args: readonly string[], killAfterMs?: number): Promise<Ran>
  device(id: string): Promise<DeviceRow | undefined>
  close(): Promise<void>
}

export async function startTestImport(): Promise<TestImport> {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-import-'))
  const database = await startDatabase()
  const keyFile = join(folder, 'auth-keys')
  await createKeyFile(keyFile)
  const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, REQUEST_MS_MAX)
  const variables = importVariables(database.endpoint, keyFile)
  return {
    folder,
    store,
    wrapping: keyFileWrapping(() => readKeyFile(keyFile)),
    variables,
    at: (...names) => join(folder, ...names),
    mooring: (args, killAfterMs) =>
      startMooring(args, variables, killAfterMs === undefined ? {} : { killAfterMs }).ended,
    device: (id) => store.get('Devices', { deviceId: id as DeviceId }),
    async close() {
      await database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export function importVariables(endpoint: string, keyFile: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: LOCAL_REGION,
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    AUTH_KEY_FILE: keyFile,
  }
}

/** What creds count after the pre-keys of `keysOfAllTypes`. */
const PRE_KEYS_COUNTED = { nextPreKeyId: 813, firstUnuploadedPreKeyId: 813 }

let phones = 100

/** The jid of a linked device that no other test of the file uses. */
export function newJid(): string {
  phones += 1
  return `15550${String(phones).padStart(6, '0')}:3@s.whatsapp.net`
}

/** Keys of each type, with ids in every form that Baileys gives them. */
export function keysOfAllTypes(): SignalDataSet {
  const bytes = (text: string) => Buffer.from(text)
  const session = (text: string) => ({ _sessions: { 'BbQ/+w==': { at: text } }, version: 'v1' })
  return {
    'pre-key': Object.fromEntries([1, 49, 50, 812].map((id) => [id, Curve.generateKeyPair()])),
    session: {
      '15550101.0': session('a') as unknown as Uint8Array,
      '99001_1.12': session('b') as unknown as Uint8Array,
    },
    'sender-key': {
      '120363000000000001@g.us::15550101::0': bytes('[1]'),
      '15550102-1500000000@g.us::99001_1::12': bytes('[2]'),
      'status@broadcast::15550101::3': bytes('[3]'),
    },
    'sender-key-memory': {
      '15550102-1500000000@g.us': { '15550101:1@s.whatsapp.net': true, '99001@lid': false },
      'status@broadcast': { '99001@lid': true },
    },
    'app-state-sync-key': Object.fromEntries(
      ['AAAAACpn', 'AA/+//A=', '////AA=='].map((id, at) => [
        id,
        proto.Message.AppStateSyncKeyData.fromObject({
          keyData: bytes(`key ${at}`),
          fingerprint: { rawId: 1, currentIndex: 2, deviceIndexes: [0, 1] },
          timestamp: 1_700_000_000_000,
        }),
      ]),
    ),
    'app-state-sync-version': {
      critical_unblock_low: {
        version: 3,
        hash: Buffer.alloc(128, 7),
        indexValueMap: { '0aGk=': { valueMac: bytes('m') } },
      },
    },
    'lid-mapping': { '15550101': '99001', '99001_reverse': '15550101' },
    'device-list': { '15550101': ['0', '12'] },
    tctoken: {
      __index: { token: bytes('["99001@lid"]') },
      '99001@lid': { token: bytes('t'), timestamp: '1700000000', senderTimestamp: 1_700_000_000 },
      '15550101@s.whatsapp.net': { token: bytes('u') },
      '15550101:3@s.whatsapp.net': { token: bytes('v') },
    },
    'identity-key': { '15550101.0': Curve.generateKeyPair().public, '99001_1.12': bytes('i') },
  }
}

/** What a phone gives to the device that it links. */
export function phoneConsent() {
  return {
    details: Buffer.from('0801', 'hex'),
    accountSignature: Buffer.alloc(64, 1),
    accountSignatureKey: Curve.generateKeyPair().public,
    deviceSignature: Buffer.alloc(64, 2),
  }
}

/** Creds of a linked device, with some parts as a test wants them. */
export function linkedCreds(parts: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...initAuthCreds(),
    ...PRE_KEYS_COUNTED,
    me: { id: newJid(), lid: '99001:3@lid' },
    account: phoneConsent(),
    ...parts,
  }
}

/** A folder as a linked device of Baileys leaves it. */
export async function aFolder(
  folder: string,
  {
    jid = newJid(),
    keys = {},
    ...creds
  }: Partial<AuthenticationCreds> & { jid?: string; keys?: SignalDataSet } = {},
): Promise<AuthenticationCreds> {
  const { state, saveCreds } = await useMultiFileAuthState(folder)
  Object.assign(state.creds, {
    ...PRE_KEYS_COUNTED,
    me: { id: jid, lid: '99001:3@lid' },
    account: phoneConsent(),
    ...creds,
  })
  await state.keys.set(keys)
  await saveCreds()
  return state.creds
}

/** The auth state that the next socket of a device would be given. */
export async function openAuthOf(fleet: TestImport, id: string): Promise<OpenAuthState> {
  const row = await fleet.device(id)
  assert.ok(row)
  return openAuthState({
    store: fleet.store,
    clock: systemClock,
    telemetry: { emit: () => undefined },
    wrapping: fleet.wrapping,
    renewDataKeysAfterDays: 365,
    device: row.deviceId,
    credentialsId: row.credentialsId,
    epoch: epoch(row.epoch + 1),
    everPaired: row.pairedAt !== undefined,
    mayWrite: () => true,
    onStale: () => undefined,
  })
}

/** A value as Baileys writes it in JSON, so that values of different classes can be compared. */
export function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, BufferJSON.replacer))
}

/** Text as long as `like` that compression does not shorten. */
export function incompressible(like: string): string {
  let state = 1
  return Array.from(like, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return String.fromCharCode(33 + ((state >> 16) % 90))
  }).join('')
}
