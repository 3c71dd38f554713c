/** The server's side of Noise_XX_25519_AESGCM_SHA256, as the client in Baileys' noise-handler expects it. */
import {
  aesDecryptGCM,
  aesEncryptGCM,
  Curve,
  hkdf,
  type KeyPair,
  proto,
  sha256,
} from '@whiskeysockets/baileys'
import { NOISE_PROLOGUE } from './frames.ts'

/** It has 32 bytes, so it is itself the first hash. */
const NOISE_MODE = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
const IV_BYTES = 12
const NO_ADDITIONAL_DATA = Buffer.alloc(0)

export interface ServerIdentity {
  readonly keyPair: KeyPair
  readonly certificateChain: Uint8Array
  /** The key that a client which checks the whole chain has to trust. */
  readonly rootKey: Uint8Array
}

export interface NoiseResponder {
  /** Takes the client's ephemeral key, and returns the handshake message that answers it. */
  hello(clientEphemeral: Uint8Array, certificateChain?: Uint8Array): Uint8Array
  /** Takes the client's last handshake message. From then on `encrypt` and `decrypt` carry stanzas. */
  finish(encryptedStatic: Uint8Array, encryptedPayload: Uint8Array): ClientIntroduction
  encrypt(plaintext: Uint8Array): Buffer
  decrypt(ciphertext: Uint8Array): Buffer
}

export interface ClientIntroduction {
  readonly noiseKey: Buffer
  readonly payload: proto.ClientPayload
}

/** A key pair, and a chain of certificates of the right form. The chain cannot lead to WhatsApp's own root.
 *  Baileys 7.0.0-rc14 checks only its form and serial, because TLS authenticates the real WhatsApp. whatsmeow
 *  checks all of it, and can be given another root. */
export function makeServerIdentity(): ServerIdentity {
  const root = Curve.generateKeyPair()
  const intermediate = Curve.generateKeyPair()
  const keyPair = Curve.generateKeyPair()
  const certificate = (issuer: KeyPair, issuerSerial: number, subject: KeyPair, serial: number) => {
    const details = proto.CertChain.NoiseCertificate.Details.encode({
      serial,
      issuerSerial,
      key: subject.public,
    }).finish()
    return { details, signature: Curve.sign(issuer.private, details) }
  }
  const chain = {
    leaf: certificate(intermediate, 1, keyPair, 2),
    intermediate: certificate(root, 0, intermediate, 1),
  }
  return { keyPair, certificateChain: proto.CertChain.encode(chain).finish(), rootKey: root.public }
}

export function makeNoiseResponder(identity: ServerIdentity): NoiseResponder {
  const ephemeral = Curve.generateKeyPair()
  let hash: Buffer = sha256(Buffer.concat([NOISE_MODE, NOISE_PROLOGUE]))
  let salt: Uint8Array = NOISE_MODE
  let key: Uint8Array = NOISE_MODE
  let counter = 0
  let transport: { encrypt: Cipher; decrypt: Cipher } | undefined

  const authenticate = (data: Uint8Array) => {
    hash = sha256(Buffer.concat([hash, data]))
  }
  const mix = (sharedSecret: Uint8Array) => {
    ;[salt, key] = expand(sharedSecret, salt)
    counter = 0
  }
  const encryptHandshake = (plaintext: Uint8Array) => {
    const ciphertext = aesEncryptGCM(plaintext, key, iv(counter++), hash)
    authenticate(ciphertext)
    return ciphertext
  }
  const decryptHandshake = (ciphertext: Uint8Array) => {
    const plaintext = aesDecryptGCM(ciphertext, key, iv(counter++), hash)
    authenticate(ciphertext)
    return plaintext
  }
  const inTransport = () => {
    if (!transport) throw new Error('a stanza before the end of the handshake')
    return transport
  }

  return {
    hello(clientEphemeral, certificateChain = identity.certificateChain) {
      authenticate(clientEphemeral)
      authenticate(ephemeral.public)
      mix(Curve.sharedKey(ephemeral.private, clientEphemeral))
      const encryptedStatic = encryptHandshake(identity.keyPair.public)
      mix(Curve.sharedKey(identity.keyPair.private, clientEphemeral))
      const payload = encryptHandshake(certificateChain)
      const serverHello = { ephemeral: ephemeral.public, static: encryptedStatic, payload }
      return proto.HandshakeMessage.encode({ serverHello }).finish()
    },
    finish(encryptedStatic, encryptedPayload) {
      const noiseKey = decryptHandshake(encryptedStatic)
      mix(Curve.sharedKey(ephemeral.private, noiseKey))
      const payload = proto.ClientPayload.decode(decryptHandshake(encryptedPayload))
      const [fromClient, toClient] = expand(new Uint8Array(0), salt)
      transport = {
        encrypt: countingCipher(aesEncryptGCM, toClient),
        decrypt: countingCipher(aesDecryptGCM, fromClient),
      }
      return { noiseKey, payload }
    },
    encrypt: (plaintext) => inTransport().encrypt(plaintext),
    decrypt: (ciphertext) => inTransport().decrypt(ciphertext),
  }
}

type Cipher = (data: Uint8Array) => Buffer

function countingCipher(cipher: typeof aesEncryptGCM, key: Uint8Array): Cipher {
  let counter = 0
  return (data) => cipher(data, key, iv(counter++), NO_ADDITIONAL_DATA)
}

function expand(secret: Uint8Array, salt: Uint8Array): [Uint8Array, Uint8Array] {
  const expanded = hkdf(Buffer.from(secret), 64, { salt: Buffer.from(salt), info: '' })
  return [expanded.subarray(0, 32), expanded.subarray(32)]
}

function iv(counter: number): Buffer {
  const bytes = Buffer.alloc(IV_BYTES)
  bytes.writeUInt32BE(counter, IV_BYTES - 4)
  return bytes
}
