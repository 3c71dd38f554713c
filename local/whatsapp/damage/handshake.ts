/** Damage of the handshake: what a client gets in place of the server's hello. Pure. */
import { proto } from '@whiskeysockets/baileys'
import { frame } from '../frames.ts'
import { type Seeded, seeded } from './seeded.ts'

export interface HandshakeDamage {
  readonly name: string
  /** Encrypted in the place of the certificates. The rest of the hello is right. */
  readonly certificateChain?: Uint8Array
  /** Written to the socket in place of the framed hello. */
  readonly wire: (hello: Uint8Array) => Buffer
}

type Hello = proto.HandshakeMessage.IServerHello

/** @param only a part of the name
 *  @returns undefined when no name has it */
export function handshakeDamage(seed: number, place: number, only = ''): HandshakeDamage | undefined {
  const chance = seeded(seed)
  const all = chance.shuffled([...bytesBent(chance), ...hellosBent(chance), ...chainsBent(chance)])
  const wanted = all.filter(({ name }) => name.includes(only))
  return wanted[place % wanted.length]
}

export function handshakeDamageNames(): string[] {
  const chance = seeded(0)
  return [...bytesBent(chance), ...hellosBent(chance), ...chainsBent(chance)].map(({ name }) => name)
}

function bytesBent(chance: Seeded): HandshakeDamage[] {
  const instead = (name: string, wire: (hello: Uint8Array) => Buffer) => ({ name: `hello: ${name}`, wire })
  return [
    instead('a frame of no bytes', () => frame(Buffer.alloc(0))),
    instead('a frame of 16 MB that never comes', () => Buffer.from([0xff, 0xff, 0xff, 1])),
    instead('random bytes', () => frame(chance.bytes(80))),
    instead('random bytes without a frame', () => chance.bytes(80)),
    instead('cut in half', (hello) => frame(hello.subarray(0, hello.length >> 1))),
    instead('sent twice', (hello) => Buffer.concat([frame(hello), frame(hello)])),
    instead('a bit flipped', (hello) => {
      const bent = Buffer.from(hello)
      const at = chance.below(bent.length)
      bent[at] = (bent[at] ?? 0) ^ 4
      return frame(bent)
    }),
    instead('rubbish behind it', (hello) => frame(Buffer.concat([hello, chance.bytes(30)]))),
    instead('an answer of HTTP', () => Buffer.from('HTTP/1.1 503 Service Unavailable\r\n\r\n')),
    instead('an empty message of the WebSocket', () => Buffer.alloc(0)),
    instead('a stanza that is not encrypted', () => frame(Buffer.from([0, 248, 1, 9]))),
  ]
}

function hellosBent(chance: Seeded): HandshakeDamage[] {
  const bent = (name: string, bend: (hello: Hello) => Hello | undefined) => ({
    name: `hello: ${name}`,
    wire: (bytes: Uint8Array) => {
      const { serverHello } = proto.HandshakeMessage.decode(bytes)
      const hello = serverHello ? bend({ ...serverHello }) : undefined
      return frame(proto.HandshakeMessage.encode(hello ? { serverHello: hello } : {}).finish())
    },
  })
  const none = Buffer.alloc(0)
  return [
    bent('nothing in it', () => undefined),
    bent('no key', (hello) => ({ ...hello, ephemeral: null })),
    bent('an empty key', (hello) => ({ ...hello, ephemeral: none })),
    bent('a key of 31 bytes', (hello) => ({ ...hello, ephemeral: chance.bytes(31) })),
    bent('a key of zeros', (hello) => ({ ...hello, ephemeral: Buffer.alloc(32) })),
    bent('another key', (hello) => ({ ...hello, ephemeral: chance.bytes(32) })),
    bent('no static key', (hello) => ({ ...hello, static: null })),
    bent('a static key that does not decrypt', (hello) => ({ ...hello, static: chance.bytes(48) })),
    bent('a static key that is too short', (hello) => ({ ...hello, static: chance.bytes(7) })),
    bent('no certificates', (hello) => ({ ...hello, payload: null })),
    bent('certificates that do not decrypt', (hello) => ({ ...hello, payload: chance.bytes(200) })),
  ]
}

/** Bent certificates, encrypted correctly, so that the client reads them. */
function chainsBent(chance: Seeded): HandshakeDamage[] {
  const chain = (name: string, certificateChain: Uint8Array) => ({
    name: `certificates: ${name}`,
    certificateChain,
    wire: (hello: Uint8Array) => frame(hello),
  })
  const details = (issuerSerial: number) =>
    proto.CertChain.NoiseCertificate.Details.encode({
      serial: 1,
      issuerSerial,
      key: chance.bytes(32),
    }).finish()
  const certificate = (of: Uint8Array) => ({ details: of, signature: chance.bytes(64) })
  const encode = (of: proto.ICertChain) => proto.CertChain.encode(of).finish()
  return [
    chain('none', Buffer.alloc(0)),
    chain('rubbish', chance.bytes(90)),
    chain('no leaf', encode({ intermediate: certificate(details(0)) })),
    chain('no intermediate', encode({ leaf: certificate(details(0)) })),
    chain(
      'without signatures',
      encode({ leaf: { details: details(0) }, intermediate: { details: details(0) } }),
    ),
    chain(
      'of another issuer',
      encode({ leaf: certificate(details(0)), intermediate: certificate(details(7)) }),
    ),
    chain(
      'details that are rubbish',
      encode({ leaf: certificate(details(0)), intermediate: certificate(chance.bytes(20)) }),
    ),
    chain(
      'no key in them',
      encode({
        leaf: certificate(details(0)),
        intermediate: certificate(
          proto.CertChain.NoiseCertificate.Details.encode({ serial: 1, issuerSerial: 0 }).finish(),
        ),
      }),
    ),
  ]
}
