/** Samples of every kind of notification. Pure. */
import { type BinaryNode, S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { node } from '../stanzas.ts'
import type { Cast, Sample } from './sample.ts'
import type { Seeded } from './seeded.ts'

export function notificationSamples(cast: Cast, chance: Seeded): Sample[] {
  const { me, contact, contactLid } = cast
  const notification = (
    type: string,
    attrs: Record<string, string>,
    content: BinaryNode[],
    kind = type,
  ): Sample => ({
    kind: `notification ${kind}`,
    stanza: node(
      'notification',
      { id: String(chance.below(2 ** 31)), from: contact, t: cast.t, type, ...attrs },
      content,
    ),
  })
  const server = { from: S_WHATSAPP_NET }
  const device = node('device', { jid: contact, 'key-index': '1' })
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  return [
    notification('encrypt', server, [node('count', { value: '3' })], 'of few pre-keys'),
    notification('encrypt', {}, [node('identity')], 'of a new identity'),
    notification('encrypt', server, [node('digest')], 'of a digest'),
    ...['add', 'remove', 'update'].map((what) =>
      notification(
        'devices',
        { lid: contactLid },
        [node(what, { device_hash: '2:x' }, [device])],
        `of devices ${what}`,
      ),
    ),
    notification('picture', {}, [node('set', { id: '1', author: contact, hash: 'x' })], 'of a picture'),
    notification('picture', {}, [node('delete', { author: contact })], 'of no picture'),
    notification(
      'picture',
      { from: cast.group },
      [node('set', { id: '1', author: contact })],
      'of a group picture',
    ),
    notification('account_sync', { from: me }, [node('disappearing_mode', { duration: '86400', t: cast.t })]),
    notification('account_sync', { from: me }, [
      node('blocklist', {}, [node('item', { jid: contact, action: 'block' })]),
    ]),
    notification('account_sync', { from: me }, [node('devices', { dhash: 'x' }, [device])]),
    notification('server_sync', server, [node('collection', { name: 'regular_low', version: '3' })]),
    notification('mediaretry', { from: me }, [
      node('encrypt', {}, [node('enc_p', {}, chance.bytes(32)), node('enc_iv', {}, chance.bytes(12))]),
      node('rmr', { jid: contact, from_me: 'false', participant: contact }),
    ]),
    notification('newsletter', { from: '1203@newsletter' }, [
      node('reaction', { message_id: '1' }, [node('reaction', { code: '+' })]),
      node('view', { message_id: '1' }),
      node('participant', { jid: contact, action: 'promote', role: 'ADMIN' }),
      node('message', { message_id: '1', t: cast.t }, [node('plaintext', {}, chance.bytes(20))]),
    ]),
    notification('mex', server, [
      node(
        'update',
        { op_name: 'NotificationUserReachoutTimelockUpdate' },
        json({
          data: { xwa2_notify_account_reachout_timelock: { is_active: true, time_enforcement_ends: '9' } },
        }),
      ),
    ]),
    notification(
      'mex',
      server,
      [
        node(
          'update',
          { op_name: 'NotificationLinkedProfilesUpdates' },
          json({ data: { xwa2_notify_linked_profiles: { jid: contactLid, added_profiles: [contact] } } }),
        ),
      ],
      'mex of profiles',
    ),
    notification('link_code_companion_reg', server, [
      node('link_code_companion_reg', { stage: 'primary_hello' }, [
        node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, chance.bytes(80)),
        node('primary_identity_pub', {}, chance.bytes(32)),
        node('link_code_pairing_ref', {}, chance.bytes(16)),
      ]),
    ]),
    notification('privacy_token', { sender_lid: contactLid }, [
      node('tokens', {}, [node('token', { jid: me, t: cast.t, type: 'trusted_contact' }, chance.bytes(16))]),
    ]),
    notification('status', {}, [node('set', {}, Buffer.from('busy'))]),
    notification('contacts', {}, [node('update', { jid: contact, hash: 'x' })]),
    notification('business', {}, [node('remove', { jid: contact })]),
    notification('psa', server, [node('message', {}, chance.bytes(10))]),
    ...ofGroups(cast).map((change) =>
      notification(
        'w:gp2',
        { from: cast.group, participant: contactLid, participant_pn: contact },
        [change],
        `of a group: ${change.tag}`,
      ),
    ),
  ]
}

function ofGroups({ contact, contactLid, group, t }: Cast): BinaryNode[] {
  const participant = node('participant', { jid: contactLid, phone_number: contact, type: 'admin' })
  return [
    node('create', { type: 'new', key: 'x' }, [
      node('group', { id: group, creator: contact, creation: t, subject: 'A group', s_t: t, s_o: contact }, [
        participant,
        node('description', { id: '1', t, participant: contact }, [node('body', {}, Buffer.from('about'))]),
      ]),
    ]),
    ...['add', 'remove', 'promote', 'demote', 'leave', 'modify'].map((tag) => node(tag, {}, [participant])),
    node('subject', { subject: 'Another name', s_t: t, s_o: contact }),
    node('description', { id: '2' }, [node('body', {}, Buffer.from('about'))]),
    node('ephemeral', { expiration: '86400' }),
    ...['not_ephemeral', 'announcement', 'not_announcement', 'locked', 'unlocked'].map((tag) => node(tag)),
    node('invite', { code: 'AbCd' }),
    node('member_add_mode', {}, Buffer.from('all_member_add')),
    node('membership_approval_mode', {}, [node('group_join', { state: 'on' })]),
    node('created_membership_requests', { request_method: 'invite_link' }, [participant]),
    node('revoked_membership_requests', {}, [participant]),
  ]
}
