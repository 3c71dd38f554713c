/** Sessions and sender keys that the real Signal library of whatsmeow has made, and Baileys' own Signal
 *  repository over what they are mapped to. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  type AuthenticationCreds,
  addTransactionCapability,
  initAuthCreds,
  type SignalRepositoryWithLIDStore,
} from '@whiskeysockets/baileys'
import { keyPairFrom } from '../../../../../cli/import/credentials/key-material.ts'
import { senderKeyRecord } from '../../../../../cli/import/sources/whatsmeow/sender-keys.ts'
import { sessionRecord, sessionStates } from '../../../../../cli/import/sources/whatsmeow/sessions.ts'
import { keepUnusedSessions } from '../../../../../hosts/whatsapp/signal/keep-unused-sessions.ts'
import { libsignalRepository } from '../../../../../hosts/whatsapp/signal/repository.ts'
import { silenceConsole } from '../../../../../hosts/whatsapp/silence-console.ts'
import { silentLogger } from '../../../../../hosts/whatsapp/silent-logger.ts'
import { newCredentials } from '../../../../local/whatsapp/baileys-client.ts'

export const GROUP = '120363000000000001@g.us'

export interface Message {
  readonly type: 'pkmsg' | 'msg' | 'skmsg'
  readonly text: string
  readonly ciphertext: string
}

export interface Side {
  readonly address: string
  readonly registrationId: number
  readonly identityKey: string
  readonly signedPreKey: string
  readonly preKeys: Readonly<Record<string, string>>
  readonly sessions: Readonly<Record<string, string>>
  readonly senderKeys: Readonly<Record<string, string>>
}

export interface Story {
  readonly ours: Side
  readonly theirs: Side
  /** What the contact says next. */
  readonly next: readonly Message[]
}

export const STORIES: Readonly<Record<string, Story>> = JSON.parse(
  readFileSync(new URL('../../../../fixtures/import/libsignal-go/states.json', import.meta.url), 'utf8'),
)

export function storyOf(name: string): Story {
  const story = STORIES[name]
  assert.ok(story, name)
  return story
}

/** One party of a story, taken over by Baileys. */
export interface Party {
  readonly jid: string
  /** How many overtaken messages of the contact it can no longer read. */
  readonly overtaken: number
  read(from: Party, message: Omit<Message, 'text'>): Promise<string>
  write(to: Party, text: string): Promise<Message>
  writeToGroup(text: string): Promise<Message>
}

export async function takeOver(side: Side): Promise<Party> {
  silenceConsole()
  const { keys } = newCredentials()
  const identity = keyPairFrom(Buffer.from(side.identityKey, 'base64'))
  const pair = (key: string) => keyPairFrom(Buffer.from(key, 'base64'))
  const creds: AuthenticationCreds = {
    ...initAuthCreds(),
    signedIdentityKey: identity,
    registrationId: side.registrationId,
    signedPreKey: { keyId: 1, keyPair: pair(side.signedPreKey), signature: Buffer.alloc(64) },
  }
  const own = Buffer.concat([Buffer.from([5]), identity.public])
  const sessions = Object.entries(side.sessions).map(([address, stored]) => ({
    id: address.replace(':', '.'),
    states: sessionStates(JSON.parse(stored), own),
  }))
  const senderKeys = Object.entries(side.senderKeys).map(([name, stored]) => [
    name.replace(' ', '::').replace(/:(\d+)$/, '::$1'),
    senderKeyRecord([JSON.parse(stored)]),
  ])
  await keys.set({
    'pre-key': Object.fromEntries(Object.entries(side.preKeys).map(([id, key]) => [id, pair(key)])),
    // Through JSON, as the store of a device has them.
    session: Object.fromEntries(
      sessions.map(({ id, states }) => [id, JSON.parse(JSON.stringify(sessionRecord(states)))]),
    ),
    'sender-key': Object.fromEntries(senderKeys),
  })
  const repository = keepUnusedSessions(libsignalRepository)(
    {
      creds,
      keys: addTransactionCapability(keys, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 }),
    },
    silentLogger,
  )
  const overtaken = sessions.flatMap(({ states }) => states).reduce((sum, state) => sum + state.overtaken, 0)
  return party(side.address, overtaken, repository)
}

function party(address: string, overtaken: number, repository: SignalRepositoryWithLIDStore): Party {
  const [user, device] = address.split(':')
  const jid = device === '0' ? `${user}@s.whatsapp.net` : `${user}:${device}@s.whatsapp.net`
  const message = (type: Message['type'], text: string, bytes: Uint8Array): Message => ({
    type,
    text,
    ciphertext: Buffer.from(bytes).toString('base64'),
  })
  return {
    jid,
    overtaken,
    async read(from, { type, ciphertext }) {
      const bytes = Buffer.from(ciphertext, 'base64')
      const read =
        type === 'skmsg'
          ? await repository.decryptGroupMessage({ group: GROUP, authorJid: from.jid, msg: bytes })
          : await repository.decryptMessage({ jid: from.jid, type, ciphertext: bytes })
      return Buffer.from(read).toString()
    },
    async write(to, text) {
      const { type, ciphertext } = await repository.encryptMessage({ jid: to.jid, data: Buffer.from(text) })
      return message(type, text, ciphertext)
    },
    async writeToGroup(text) {
      const data = Buffer.from(text)
      const { ciphertext } = await repository.encryptGroupMessage({ group: GROUP, meId: jid, data })
      return message('skmsg', text, ciphertext)
    },
  }
}
