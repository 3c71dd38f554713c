/** Damage inside an encrypted message: bytes that a contact encrypts correctly for the device, but that are
 *  no message. Pure. */
import { proto } from '@whiskeysockets/baileys'
import type { Seeded } from './seeded.ts'

export interface PayloadDamage {
  readonly name: string
  /** The contact encrypts exactly these bytes, which include the padding. */
  readonly plaintext: Buffer
}

const DEEP_LEVELS = 3000

export function payloadDamages(chance: Seeded): PayloadDamage[] {
  const padded = (bytes: Uint8Array, by = 4) => Buffer.concat([bytes, Buffer.alloc(by, by)])
  const message = (content: proto.IMessage) =>
    padded(proto.Message.encode(proto.Message.fromObject(content)).finish())
  const key = { remoteJid: 'x', id: '', fromMe: true }
  const protocol = (type: proto.Message.ProtocolMessage.Type, more: proto.Message.IProtocolMessage = {}) =>
    message({ protocolMessage: { type, key, ...more } })
  const { Type } = proto.Message.ProtocolMessage
  const of = (what: string, plaintext: Buffer): PayloadDamage => ({
    name: `encrypted message: ${what}`,
    plaintext,
  })
  return [
    of('nothing at all', Buffer.alloc(0)),
    of('padding alone', Buffer.alloc(16, 16)),
    of('padding longer than the message', Buffer.from([10, 1, 65, 255])),
    of('padding of zero bytes', Buffer.from([10, 1, 65, 0])),
    of('no padding', Buffer.from(proto.Message.encode({ conversation: 'unpadded' }).finish())),
    of('rubbish', padded(chance.bytes(60))),
    of('a field that is cut off', padded(Buffer.from([10, 200, 1, 65]))),
    of('a wrong wire type', padded(Buffer.from([8, 1]))),
    of('an endless number', padded(Buffer.alloc(12, 0xff))),
    of('groups that never end', padded(Buffer.alloc(DEEP_LEVELS, 0x0b))),
    of('an unknown field', padded(Buffer.from([0xfa, 0xff, 0x7f, 1, 65]))),
    of('an empty message', padded(Buffer.alloc(0))),
    of('text that is not UTF-8', padded(Buffer.from([10, 3, 0xff, 0xfe, 0x80]))),
    of('text of 60,000 characters', message({ conversation: 'y'.repeat(60_000) })),
    of('text of control characters', message({ conversation: '\u0000\u001b[2J\u202e' })),
    of('a message within itself, 60 times', message(withinItself(60))),
    of('a key that revokes nothing', protocol(Type.REVOKE)),
    of('an edit of nothing', protocol(Type.MESSAGE_EDIT)),
    of('a wrong time to live', protocol(Type.EPHEMERAL_SETTING, { ephemeralExpiration: 4_294_967_295 })),
    of('history that is not there', protocol(Type.HISTORY_SYNC_NOTIFICATION)),
    of(
      'history that cannot be unpacked',
      protocol(Type.HISTORY_SYNC_NOTIFICATION, {
        historySyncNotification: { initialHistBootstrapInlinePayload: chance.bytes(40), syncType: 0 },
      }),
    ),
    of(
      'app state keys without keys',
      protocol(Type.APP_STATE_SYNC_KEY_SHARE, {
        appStateSyncKeyShare: { keys: [{}, { keyId: { keyId: chance.bytes(6) } }] },
      }),
    ),
    of(
      'an answer of the phone that nobody asked for',
      protocol(Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE, {
        peerDataOperationRequestResponseMessage: {
          stanzaId: 'x',
          peerDataOperationResult: [
            { placeholderMessageResendResponse: { webMessageInfoBytes: chance.bytes(30) } },
          ],
        },
      }),
    ),
    of(
      'a LID migration that is rubbish',
      protocol(Type.LID_MIGRATION_MAPPING_SYNC, {
        lidMigrationMappingSyncMessage: { encodedMappingPayload: chance.bytes(30) },
      }),
    ),
    of('a label for nobody', protocol(Type.GROUP_MEMBER_LABEL_CHANGE)),
    of('a reaction to nothing', message({ reactionMessage: { text: '+' } })),
    of(
      'a vote without a poll',
      message({ pollUpdateMessage: { vote: { encPayload: chance.bytes(20), encIv: chance.bytes(12) } } }),
    ),
    of(
      'an answer to an event that is rubbish',
      message({ encEventResponseMessage: { encPayload: chance.bytes(20), encIv: chance.bytes(3) } }),
    ),
    of(
      'a sender key without a group',
      message({
        senderKeyDistributionMessage: { axolotlSenderKeyDistributionMessage: chance.bytes(50) },
      }),
    ),
    of(
      'a sender key that is rubbish',
      message({
        senderKeyDistributionMessage: {
          groupId: '120363000000000000@g.us',
          axolotlSenderKeyDistributionMessage: chance.bytes(50),
        },
      }),
    ),
    of('a picture without anything', message({ imageMessage: {} })),
    of(
      'a picture with wrong lengths',
      message({
        imageMessage: {
          mediaKey: chance.bytes(3),
          fileLength: -1,
          directPath: '/../..',
          url: 'file:///',
          width: 4_294_967_295,
        },
      }),
    ),
    of('a copy of a message without one', message({ deviceSentMessage: { destinationJid: 'x' } })),
    of('a copy of a message for nowhere', message({ deviceSentMessage: { message: { conversation: 'x' } } })),
  ]
}

function withinItself(levels: number): proto.IMessage {
  return levels === 0 ? { conversation: 'core' } : { ephemeralMessage: { message: withinItself(levels - 1) } }
}
