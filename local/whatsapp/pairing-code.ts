/** Pairing by a code of eight characters, which the client shows and a person types into the phone. */
import { randomBytes } from 'node:crypto'
import {
  aesDecryptCTR,
  aesDecryptGCM,
  aesEncryptCTR,
  type BinaryNode,
  Curve,
  derivePairingCodeKey,
  hkdf,
  type KeyPair,
  S_WHATSAPP_NET,
} from '@whiskeysockets/baileys'
import { sleep } from '../../core/clock.ts'
import type { Account, Registration } from './accounts.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import { linkDevice } from './linking.ts'
import type { Phone } from './phones.ts'
import { childBytes, node, refusal, result } from './stanzas.ts'
import type { World } from './world.ts'

const SALT_BYTES = 32
const CTR_IV_BYTES = 16
const GCM_IV_BYTES = 12
const KEY_BYTES = 32
const BUNDLE_KEY_INFO = 'link_code_pairing_key_bundle_encryption_key'
const COMPANION_FINISH = 'companion_finish'
/** The client shows its code as soon as it has sent the request, so a test may type the code before the
 *  request comes. */
const REQUEST_AWAITED_MS = 1000
const LOOK_EVERY_MS = 20

interface Request {
  readonly connection: Connection
  readonly registration: Registration
  /** The client's ephemeral key, encrypted under the code, which the server does not know. */
  readonly wrappedEphemeral: Buffer
  readonly ref: Buffer
}

export interface CodePairing {
  /** The client has asked for pairing by a code with the phone of a number. */
  requested(connection: Connection, registration: Registration, iq: BinaryNode, hello: BinaryNode): void
  finished(connection: Connection, iq: BinaryNode): void
  /** After WRONG_CODE another code may be tried.
   *  @throws SimulatorError NO_CODE_REQUESTED, WRONG_CODE, PAIRING_LOST */
  enter(phoneNumber: string, code: string): Promise<Account>
  forget(connection: Connection): void
}

export function makeCodePairing(world: World): CodePairing {
  const requests = new Map<string, Request>()

  const requestFor = async (phoneNumber: string) => {
    const start = world.clock.mark()
    while (world.clock.elapsedMs(start) < REQUEST_AWAITED_MS) {
      const request = requests.get(phoneNumber)
      if (request) return request
      await sleep(world.clock, LOOK_EVERY_MS)
    }
    throw new SimulatorError('NO_CODE_REQUESTED', `no device waits to be linked to ${phoneNumber}`)
  }

  return {
    requested(connection, registration, iq, hello) {
      const phoneNumber = (hello.attrs.jid ?? '').split('@')[0] ?? ''
      const ref = randomBytes(16)
      const wrappedEphemeral = childBytes(hello, 'link_code_pairing_wrapped_companion_ephemeral_pub')
      requests.set(phoneNumber, { connection, registration, wrappedEphemeral, ref })
      const reply = node('link_code_companion_reg', { stage: 'companion_hello' }, [
        node('link_code_pairing_ref', {}, ref),
      ])
      connection.send(result(iq, [reply]))
    },
    finished(connection, iq) {
      if (!world.answers.arrived(connection, COMPANION_FINISH, iq)) {
        connection.send(refusal(iq, 404, 'item-not-found'))
      }
    },
    async enter(phoneNumber, code) {
      const request = await requestFor(phoneNumber)
      const { connection, registration } = request
      const phone = world.phones.withNumber(phoneNumber)
      const typed = code.replaceAll(/[\s-]/g, '').toUpperCase()
      const ephemeral = Curve.generateKeyPair()
      const answer = world.answers.expect(connection, COMPANION_FINISH)
      // The error is handled below. The connection may be lost before that, while the keys are derived.
      answer.catch(() => undefined)
      const shared = await greet(request, phone, typed, ephemeral)
      const iq = await answer
      const advSecret = readFinish(iq, phone, shared)
      if (!advSecret) {
        connection.send(refusal(iq, 400, 'bad-request'))
        throw new SimulatorError('WRONG_CODE', 'the device shows another code')
      }
      requests.delete(phoneNumber)
      connection.send(result(iq))
      return linkDevice(world, connection, registration, phone, advSecret)
    },
    forget(connection) {
      for (const [phoneNumber, request] of requests) {
        if (request.connection === connection) requests.delete(phoneNumber)
      }
    },
  }
}

/** Sends the phone's ephemeral key, encrypted under the typed code.
 *  @returns the secret shared with the client. With a wrong code the client has another secret, and only its
 *  key bundle shows that */
async function greet(request: Request, phone: Phone, code: string, ephemeral: KeyPair): Promise<Buffer> {
  const { connection, wrappedEphemeral, ref } = request
  const companionKey = await derivePairingCodeKey(code, wrappedEphemeral.subarray(0, SALT_BYTES))
  const companionEphemeral = aesDecryptCTR(
    wrappedEphemeral.subarray(SALT_BYTES + CTR_IV_BYTES),
    companionKey,
    wrappedEphemeral.subarray(SALT_BYTES, SALT_BYTES + CTR_IV_BYTES),
  )
  const salt = randomBytes(SALT_BYTES)
  const iv = randomBytes(CTR_IV_BYTES)
  const wrapped = aesEncryptCTR(ephemeral.public, await derivePairingCodeKey(code, salt), iv)
  const attrs = { from: S_WHATSAPP_NET, type: 'link_code_companion_reg', id: randomBytes(8).toString('hex') }
  connection.send(
    node('notification', attrs, [
      node('link_code_companion_reg', { stage: 'primary_hello' }, [
        node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, Buffer.concat([salt, iv, wrapped])),
        node('primary_identity_pub', {}, phone.creds.signedIdentityKey.public),
        node('link_code_pairing_ref', {}, ref),
      ]),
    ]),
  )
  return Curve.sharedKey(ephemeral.private, companionEphemeral)
}

/** @returns the secret for the identity's HMAC; undefined when the bundle was made under another code */
function readFinish(iq: BinaryNode, phone: Phone, shared: Buffer): Buffer | undefined {
  const finish = Array.isArray(iq.content) ? iq.content[0] : undefined
  const wrapped = childBytes(finish, 'link_code_pairing_wrapped_key_bundle')
  const salt = wrapped.subarray(0, SALT_BYTES)
  const iv = wrapped.subarray(SALT_BYTES, SALT_BYTES + GCM_IV_BYTES)
  const key = hkdf(shared, KEY_BYTES, { salt, info: BUNDLE_KEY_INFO })
  const bundle = open(wrapped.subarray(SALT_BYTES + GCM_IV_BYTES), key, iv)
  if (!bundle) return undefined
  const companionIdentity = bundle.subarray(0, KEY_BYTES)
  const random = bundle.subarray(2 * KEY_BYTES)
  const identityShared = Curve.sharedKey(phone.creds.signedIdentityKey.private, companionIdentity)
  return Buffer.from(hkdf(Buffer.concat([shared, identityShared, random]), KEY_BYTES, { info: 'adv_secret' }))
}

function open(sealed: Buffer, key: Uint8Array, iv: Buffer): Buffer | undefined {
  try {
    return aesDecryptGCM(sealed, key, iv, Buffer.alloc(0))
  } catch {
    return undefined
  }
}
