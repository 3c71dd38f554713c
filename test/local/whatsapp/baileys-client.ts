/** The real, unmodified Baileys client with its auth state in memory, and waits that fail with a sentence. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuthenticationCreds,
  type ConnectionState,
  initAuthCreds,
  makeWASocket,
  type SignalDataTypeMap,
  type SignalKeyStore,
  type UserFacingSocketConfig,
  type WAMessage,
  type WASocket,
} from '@whiskeysockets/baileys'
import { type Simulator, startWhatsAppSimulator } from '../../../local/whatsapp/simulator.ts'
import './baileys-timers.ts'
import { silentLogger } from '../../../hosts/whatsapp/silent-logger.ts'

const PATIENCE_MS = 10_000
const LOOK_EVERY_MS = 10

export interface Credentials {
  readonly creds: AuthenticationCreds
  readonly keys: SignalKeyStore
}

/** A client with one socket. Like Baileys itself, it does not connect again. */
export interface Client {
  readonly socket: WASocket
  /** Texts of other people, in the order of arrival. */
  readonly texts: string[]
  qr(): Promise<string>
  opened(): Promise<void>
  /** @returns the status code that the application sees */
  closed(): Promise<number | undefined>
}

export function newCredentials(): Credentials {
  const items = new Map<string, unknown>()
  const key = (type: string, id: string) => `${type}/${id}`
  return {
    creds: initAuthCreds(),
    keys: {
      get: <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found = ids.filter((id) => items.has(key(type, id))).map((id) => [id, items.get(key(type, id))])
        return Object.fromEntries(found) as Record<string, SignalDataTypeMap[T]>
      },
      set: (data) => {
        for (const [type, byId] of Object.entries(data)) {
          for (const [id, value] of Object.entries(byId)) {
            if (value === null) items.delete(key(type, id))
            else items.set(key(type, id), value)
          }
        }
      },
    },
  }
}

export function connect(
  simulator: Pick<Simulator, 'url'>,
  credentials: Credentials,
  options: Partial<UserFacingSocketConfig> & { readonly server?: string } = {},
): Client {
  const { server = 'test', ...config } = options
  const socket = makeWASocket({
    waWebSocketUrl: `${simulator.url}?server=${server}`,
    auth: credentials,
    logger: silentLogger,
    shouldSyncHistoryMessage: () => false,
    ...config,
  })
  const texts: string[] = []
  const seen: Partial<ConnectionState>[] = []
  socket.ev.on('creds.update', (update) => Object.assign(credentials.creds, update))
  socket.ev.on('connection.update', (update) => seen.push(update))
  socket.ev.on('messages.upsert', ({ messages }) => {
    const received = messages.filter(({ key }) => !key.fromMe)
    texts.push(
      ...received.flatMap(({ message }) => message?.conversation ?? message?.extendedTextMessage?.text ?? []),
    )
  })
  const update = (what: string, wanted: (update: Partial<ConnectionState>) => unknown) =>
    eventually(what, () => seen.findLast(wanted))
  return {
    socket,
    texts,
    qr: async () => (await update('a QR code', ({ qr }) => qr)).qr ?? '',
    opened: async () => {
      await update('an open connection', ({ connection }) => connection === 'open')
    },
    closed: async () => {
      const { lastDisconnect } = await update(
        'a closed connection',
        ({ connection }) => connection === 'close',
      )
      const error = lastDisconnect?.error as { output?: { statusCode?: number } } | undefined
      return error?.output?.statusCode
    },
  }
}

/** All messages that the client gets from now on. */
export function messagesOf({ socket }: Client): WAMessage[] {
  const all: WAMessage[] = []
  socket.ev.on('messages.upsert', ({ messages }) => all.push(...messages))
  return all
}

/** Pairs new credentials by QR, up to the restart that WhatsApp asks for. */
export async function pair(simulator: Simulator, phoneNumber?: string): Promise<Credentials> {
  const credentials = newCredentials()
  const client = connect(simulator, credentials)
  await simulator.scanQr(await client.qr(), phoneNumber)
  await client.closed()
  return credentials
}

/** A paired device, logged in and past its offline messages. */
export async function loggedIn(
  simulator: Simulator,
  credentials: Credentials,
  options: Parameters<typeof connect>[2] = {},
): Promise<Client> {
  const client = connect(simulator, credentials, options)
  await client.opened()
  return client
}

/** A simulator that ends with the test, and ends its clients. */
export async function simulatorFor(
  test: { after(end: () => Promise<void>): void },
  options: Parameters<typeof startWhatsAppSimulator>[0] = {},
): Promise<Simulator> {
  const simulator = await startWhatsAppSimulator(options)
  test.after(() => simulator.close())
  return simulator
}

export async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await sleep(LOOK_EVERY_MS)) {
    const found = look()
    if (found) return found
  }
  throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`)
}
