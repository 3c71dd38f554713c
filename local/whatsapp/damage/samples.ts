/** Samples of every kind of stanza that WhatsApp sends. Pure. */
import { type BinaryNode, S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { bigEndian, node } from '../stanzas.ts'
import { notificationSamples } from './notification-samples.ts'
import { type Cast, newId, type Sample } from './sample.ts'
import type { Seeded } from './seeded.ts'

export function samples(cast: Cast, chance: Seeded): Sample[] {
  return [
    ...messages(cast, chance),
    ...receipts(cast, chance),
    ...acks(cast),
    ...notificationSamples(cast, chance),
    ...queries(cast, chance),
    ...infoBits(chance),
    ...calls(cast),
    ...chatter(cast),
    ...endings(cast),
  ]
}

function messages({ me, meLid, contact, contactLid, group, t }: Cast, chance: Seeded): Sample[] {
  const enc = (type: string) => node('enc', { v: '2', type }, chance.bytes(80))
  const message = (kind: string, attrs: Record<string, string>, content: BinaryNode[]): Sample => ({
    kind: `message ${kind}`,
    stanza: node('message', { id: newId(chance), t, type: 'text', notify: 'A contact', ...attrs }, content),
  })
  return [
    message('from a contact', { from: contact, sender_lid: contactLid }, [enc('msg')]),
    message('that begins a session', { from: contact }, [enc('pkmsg')]),
    message('by LID', { from: contactLid, sender_pn: contact, addressing_mode: 'lid' }, [enc('msg')]),
    message('that waited', { from: contact, offline: '0' }, [enc('msg')]),
    message('of a group', { from: group, participant: contact }, [enc('pkmsg'), enc('skmsg')]),
    message('of a group by LID', { from: group, participant: contactLid, participant_pn: contact }, [
      enc('skmsg'),
    ]),
    message('of a status', { from: 'status@broadcast', participant: contact }, [enc('skmsg')]),
    message('of a broadcast list', { from: '1000@broadcast', participant: contact }, [enc('msg')]),
    message('of a newsletter', { from: '120363000000000000@newsletter', server_id: '7' }, [
      node('plaintext', {}, chance.bytes(30)),
    ]),
    message('of the own phone', { from: me, recipient: contact, peer_recipient_lid: contactLid }, [
      enc('msg'),
    ]),
    message('of a peer', { from: meLid, category: 'peer' }, [enc('msg')]),
    message('of media', { from: contact, type: 'media' }, [
      node('enc', { v: '2', type: 'msg', mediatype: 'image' }, chance.bytes(200)),
    ]),
    message('of a business', { from: contact, verified_name: '1' }, [
      node('verified_name', { v: '2' }, chance.bytes(60)),
      enc('msg'),
    ]),
    message('of a bot', { from: '13135550002@bot' }, [enc('msmsg')]),
    message('that is unavailable', { from: contact }, [node('unavailable', { type: 'view_once' })]),
    message('without content', { from: contact }, []),
  ]
}

function receipts({ me, contact, contactLid, group, t }: Cast, chance: Seeded): Sample[] {
  const receipt = (kind: string, attrs: Record<string, string>, content?: BinaryNode[]): Sample => ({
    kind: `receipt ${kind}`,
    stanza: node('receipt', { id: newId(chance), from: contact, t, ...attrs }, content),
  })
  const key = (tag: string) =>
    node(tag, {}, [
      node('id', {}, bigEndian(7, 3)),
      node('value', {}, chance.bytes(32)),
      ...(tag === 'skey' ? [node('signature', {}, chance.bytes(64))] : []),
    ])
  return [
    receipt('of delivery', {}),
    receipt('of a reader', { type: 'read' }),
    receipt('of a listener', { type: 'played' }),
    receipt('of many', { type: 'read' }, [
      node('list', {}, [node('item', { id: newId(chance) }), node('item', { id: newId(chance) })]),
    ]),
    receipt('by LID', { from: contactLid }),
    receipt('of a group', { from: group, participant: contact }),
    receipt('of the own phone', { from: me, recipient: contact, type: 'sender' }),
    receipt('of history', { from: me, type: 'hist_sync' }),
    receipt('of a peer', { from: me, type: 'peer_msg' }),
    receipt('of an error', { type: 'server-error' }, [node('error', { type: 'media' })]),
    receipt('that asks again', { type: 'retry' }, [
      node('retry', { count: '1', id: newId(chance), t, v: '1' }),
      node('registration', {}, bigEndian(77, 4)),
      node('keys', {}, [
        node('type', {}, Buffer.from([5])),
        node('identity', {}, chance.bytes(32)),
        key('key'),
        key('skey'),
        node('device-identity', {}, chance.bytes(40)),
      ]),
    ]),
  ]
}

function acks({ contact, t }: Cast): Sample[] {
  return ['message', 'receipt', 'notification', 'call'].flatMap((of) => [
    { kind: `ack of a ${of}`, stanza: node('ack', { class: of, id: 'UNKNOWN', from: contact, t }) },
    {
      kind: `ack with an error of a ${of}`,
      stanza: node('ack', { class: of, id: 'UNKNOWN', from: contact, t, error: '479' }),
    },
  ])
}

function queries({ me, meLid, t }: Cast, chance: Seeded): Sample[] {
  const iq = (kind: string, attrs: Record<string, string>, content?: BinaryNode[]): Sample => ({
    kind: `iq ${kind}`,
    stanza: node('iq', { from: S_WHATSAPP_NET, id: newId(chance), ...attrs }, content),
  })
  return [
    iq('result', { type: 'result' }, [node('list', {}, [node('user', { jid: me })])]),
    iq('error', { type: 'error' }, [node('error', { code: '500', text: 'internal-server-error' })]),
    iq('ping', { type: 'get', xmlns: 'urn:xmpp:ping', t }),
    iq('set', { type: 'set', xmlns: 'md', t }, [node('remove-companion-device', { jid: me })]),
    iq('pair-device', { type: 'set', xmlns: 'md' }, [
      node('pair-device', {}, [node('ref', {}, Buffer.from('2@ref')), node('ref', {}, chance.bytes(40))]),
    ]),
    iq('pair-success', { type: 'set', xmlns: 'md', t }, [
      node('pair-success', {}, [
        node('device-identity', {}, chance.bytes(120)),
        node('device', { jid: me, lid: meLid }),
        node('platform', { name: 'android' }),
        node('biz', { name: 'A shop' }),
      ]),
    ]),
  ]
}

function infoBits(chance: Seeded): Sample[] {
  const ib = (kind: string, content: BinaryNode[], ends = false): Sample => ({
    kind: `ib ${kind}`,
    stanza: node('ib', { from: S_WHATSAPP_NET }, content),
    ends,
  })
  const counts = {
    count: '2',
    message: '1',
    notification: '1',
    receipt: '0',
    appdata: '0',
    call: '0',
    status: '0',
  }
  return [
    ib('offline_preview', [node('offline_preview', counts)]),
    ib('offline', [node('offline', { count: '2' })]),
    ib('dirty', [node('dirty', { type: 'account_sync', timestamp: '1700000000' })]),
    ib('dirty groups', [node('dirty', { type: 'groups', timestamp: '1700000000' })]),
    ib('edge_routing', [node('edge_routing', {}, [node('routing_info', {}, chance.bytes(12))])]),
    ib('thread_metadata', [node('thread_metadata', {}, [node('item', { jid: '1@s.whatsapp.net' })])]),
    ib('tos', [node('tos', {}, [node('notice', { id: '20230901', state: 'true' })])]),
    ib('client_expiration', [node('client_expiration', { t: '1' })]),
    ib('downgrade_webclient', [node('downgrade_webclient')], true),
  ]
}

function calls({ me, contact, contactLid, group, t }: Cast): Sample[] {
  const call = (kind: string, attrs: Record<string, string> = {}, content?: BinaryNode[]): Sample => ({
    kind: `call ${kind}`,
    stanza: node('call', { from: contact, to: me, id: 'CALL', t, e: '0', platform: 'android' }, [
      node(kind, { 'call-id': 'CALL-1', 'call-creator': contactLid, ...attrs }, content),
    ]),
  })
  return [
    call('offer', { caller_pn: contact }, [node('audio', { enc: 'opus', rate: '16000' }), node('video')]),
    call('offer', { 'group-jid': group, type: 'group' }),
    call('offer_notice', { media: 'audio', type: 'group' }),
    call('relaylatency', { latency_ms: '80' }, [node('te', { latency: '80' })]),
    call('preaccept'),
    call('accept'),
    call('transport'),
    call('reject'),
    call('terminate', { reason: 'timeout' }),
    call('terminate', { reason: 'accepted_elsewhere' }),
  ]
}

function chatter({ contact, group, t }: Cast): Sample[] {
  return [
    { kind: 'presence available', stanza: node('presence', { from: contact, type: 'available' }) },
    {
      kind: 'presence unavailable',
      stanza: node('presence', { from: contact, type: 'unavailable', last: t }),
    },
    { kind: 'chatstate composing', stanza: node('chatstate', { from: contact }, [node('composing')]) },
    {
      kind: 'chatstate recording',
      stanza: node('chatstate', { from: contact }, [node('composing', { media: 'audio' })]),
    },
    {
      kind: 'chatstate of a group',
      stanza: node('chatstate', { from: group, participant: contact }, [node('paused')]),
    },
  ]
}

function endings({ meLid, t }: Cast): Sample[] {
  const ends = true
  return [
    { kind: 'success', stanza: node('success', { t, lid: meLid, props: '27', companion_enc_static: 'x' }) },
    { kind: 'failure 503', stanza: node('failure', { reason: '503', location: 'local' }), ends },
    { kind: 'failure 402', stanza: node('failure', { reason: '402', code: '101', expire: '60' }), ends },
    { kind: 'stream:error 503', stanza: node('stream:error', { code: '503' }), ends },
    { kind: 'stream:error 515', stanza: node('stream:error', { code: '515' }), ends },
    {
      kind: 'stream:error conflict',
      stanza: node('stream:error', {}, [node('conflict', { type: 'replaced' })]),
      ends,
    },
    { kind: 'stream:error xml', stanza: node('stream:error', {}, [node('xml-not-well-formed')]), ends },
    {
      kind: 'stream:error ack',
      stanza: node('stream:error', {}, [node('ack', { class: 'message', id: '1' })]),
      ends,
    },
    { kind: 'xmlstreamend', stanza: node('xmlstreamend'), ends },
  ]
}
