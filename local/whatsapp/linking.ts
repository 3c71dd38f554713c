/** The end of every pairing: the phone signs the device's identity, the device signs too, and must connect
 *  again (515). */
import { randomInt } from 'node:crypto'
import { type BinaryNode, Curve, hmacSign, proto, S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { type Account, makeAccount, type Registration } from './accounts.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import type { Phone } from './phones.ts'
import { node, secondsOf, streamError } from './stanzas.ts'
import type { World } from './world.ts'

/** The first bytes of what the phone signs. */
const ACCOUNT_SIGNATURE_PREFIX = Buffer.from([6, 0])
const RESTART_REQUIRED = 515
const PAIR_SUCCESS_ID = 'pair-success'

/** Reads the registration of a newcomer, a client that is not linked yet, from its introduction. */
export function readRegistration(noiseKey: Buffer, payload: proto.ClientPayload): Registration | undefined {
  const data = payload.devicePairingData
  if (!data?.eIdent || !data.eRegid || !data.eSkeyId || !data.eSkeyVal || !data.eSkeySig) return undefined
  return {
    noiseKey,
    identityKey: Buffer.from(data.eIdent),
    registrationId: Buffer.from(data.eRegid).readUInt32BE(),
    signedPreKey: {
      keyId: Buffer.from(data.eSkeyId).readUIntBE(0, 3),
      publicKey: Buffer.from(data.eSkeyVal),
      signature: Buffer.from(data.eSkeySig),
    },
  }
}

/** @throws SimulatorError PAIRING_LOST when the device does not accept the phone's signature */
export async function linkDevice(
  world: World,
  connection: Connection,
  registration: Registration,
  phone: Phone,
  advSecret: Buffer,
): Promise<Account> {
  const account = makeAccount(phone, phone.nextDevice++, registration)
  const answer = world.answers.expect(connection, PAIR_SUCCESS_ID)
  connection.send(pairSuccess(world, account, signIdentity(world, phone, account, advSecret)))
  const { attrs } = await answer
  if (attrs.type !== 'result') throw new SimulatorError('PAIRING_LOST', 'the device refused to be linked')

  world.accounts.add(account)
  world.judge.paired()
  world.changed()
  world.emit({ event: 'paired', account: account.jid, label: connection.label })
  connection.end(streamError(RESTART_REQUIRED))
  return account
}

function pairSuccess(world: World, account: Account, deviceIdentity: Uint8Array): BinaryNode {
  const attrs = {
    from: S_WHATSAPP_NET,
    type: 'set',
    id: PAIR_SUCCESS_ID,
    xmlns: 'md',
    t: secondsOf(world.nowMs()),
  }
  return node('iq', attrs, [
    node('pair-success', {}, [
      node('device-identity', {}, deviceIdentity),
      node('device', { jid: account.jid, lid: account.lid }),
      node('platform', { name: 'android' }),
    ]),
  ])
}

function signIdentity(world: World, phone: Phone, account: Account, advSecret: Buffer): Uint8Array {
  const identity = phone.creds.signedIdentityKey
  const details = proto.ADVDeviceIdentity.encode({
    rawId: randomInt(2 ** 31),
    timestamp: Math.floor(world.nowMs() / 1000),
    keyIndex: account.deviceNumber,
  }).finish()
  const signed = Buffer.concat([ACCOUNT_SIGNATURE_PREFIX, details, account.identityKey])
  const signedIdentity = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: identity.public,
    accountSignature: Curve.sign(identity.private, signed),
  }).finish()
  return proto.ADVSignedDeviceIdentityHMAC.encode({
    details: signedIdentity,
    hmac: hmacSign(Buffer.from(signedIdentity), advSecret),
  }).finish()
}
