/** Pairing by QR: the server gives out refs, the client shows each as a QR, and a phone scans one of them. */
import { randomBytes } from 'node:crypto'
import { S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import type { Account, Registration } from './accounts.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import { linkDevice } from './linking.ts'
import { node } from './stanzas.ts'
import type { World } from './world.ts'

/** The client shows one ref after the other, the first for 60 s and the others for 20 s, and then ends with
 *  408. */
const REFS_PER_CONNECTION = 6
/** After this time the server closes a client that still has refs. The client itself ends earlier, after 160
 *  s. */
const REFS_LIVE_MS = 180_000

interface Offer {
  readonly connection: Connection
  readonly registration: Registration
  readonly sinceMs: number
}

export interface QrPairing {
  offer(connection: Connection, registration: Registration): void
  /** @throws SimulatorError QR_NOT_VALID, PAIRING_LOST */
  scan(qrText: string, phoneNumber?: string): Promise<Account>
  registrationOf(connection: Connection): Registration | undefined
  forget(connection: Connection): void
  expire(nowMs: number): void
}

export function makeQrPairing(world: World): QrPairing {
  const offers = new Map<Connection, Offer>()
  const byRef = new Map<string, Offer>()

  return {
    offer(connection, registration) {
      const offer = { connection, registration, sinceMs: world.nowMs() }
      const refs = Array.from(
        { length: REFS_PER_CONNECTION },
        () => `2@${randomBytes(48).toString('base64')}`,
      )
      offers.set(connection, offer)
      for (const ref of refs) byRef.set(ref, offer)
      const content = refs.map((ref) => node('ref', {}, Buffer.from(ref)))
      connection.send(
        node('iq', { from: S_WHATSAPP_NET, type: 'set', id: 'pair-device', xmlns: 'md' }, [
          node('pair-device', {}, content),
        ]),
      )
    },
    async scan(qrText, phoneNumber) {
      const { ref, noiseKey, identityKey, advSecret } = readQr(qrText)
      const offer = byRef.get(ref)
      const matches =
        offer?.registration.noiseKey.equals(noiseKey) && offer.registration.identityKey.equals(identityKey)
      if (!offer || !matches) throw new SimulatorError('QR_NOT_VALID', 'no client shows this QR any more')
      // A QR can be scanned only once.
      byRef.delete(ref)
      const phone = phoneNumber === undefined ? world.phones.fresh() : world.phones.withNumber(phoneNumber)
      return linkDevice(world, offer.connection, offer.registration, phone, advSecret)
    },
    registrationOf: (connection) => offers.get(connection)?.registration,
    forget(connection) {
      const offer = offers.get(connection)
      offers.delete(connection)
      for (const [ref, of] of byRef) if (of === offer) byRef.delete(ref)
    },
    expire(nowMs) {
      for (const { connection, sinceMs } of offers.values()) {
        if (nowMs - sinceMs > REFS_LIVE_MS) connection.end()
      }
    },
  }
}

/** Reads `ref,noise key,identity key,adv secret,platform`, with or without a link before it. */
function readQr(qrText: string) {
  const fields = qrText.slice(qrText.indexOf('#') + 1).split(',')
  const [ref, noiseKey, identityKey, advSecret] = fields
  if (!ref || !noiseKey || !identityKey || !advSecret) {
    throw new SimulatorError('QR_NOT_VALID', 'this is not the QR of a client that waits for a phone')
  }
  const bytes = (base64: string) => Buffer.from(base64, 'base64')
  return {
    ref,
    noiseKey: bytes(noiseKey),
    identityKey: bytes(identityKey),
    advSecret: bytes(advSecret),
  }
}
