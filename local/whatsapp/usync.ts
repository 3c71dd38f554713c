/** Answers `usync` queries, which ask for the devices and the LID of phone numbers. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidEncode,
} from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { nameOf } from './addressing.ts'
import { phoneOf } from './key-bundles.ts'
import type { Phone } from './phones.ts'
import { firstChild, node, secondsOf } from './stanzas.ts'
import type { World } from './world.ts'

export function usyncAnswer(world: World, account: Account, iq: BinaryNode): BinaryNode[] {
  const usync = firstChild(iq)
  const query = getBinaryNodeChild(usync, 'query')
  const protocols = Array.isArray(query?.content) ? query.content.map(({ tag }) => tag) : []
  const users = getBinaryNodeChildren(getBinaryNodeChild(usync, 'list'), 'user')
  const list = users.flatMap((user) => {
    const jid = user.attrs.jid ?? jidOfContact(user)
    const phone = jid && phoneOf(world, jid)
    if (!phone) return []
    const absent = world.misdeeds.use('not-on-whatsapp', account, ({ number }) => number === phone.number)
    return absent ? [] : [userNode(world, jid, phone, protocols)]
  })
  return [node('usync', { ...usync?.attrs }, [node('result'), node('list', {}, list)])]
}

/** A query by phone number has the number as text: `<contact>+15550100150</contact>`. */
function jidOfContact(user: BinaryNode): string | undefined {
  const content = getBinaryNodeChild(user, 'contact')?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return jidEncode(Buffer.from(content).toString().replace('+', ''), 's.whatsapp.net')
}

function userNode(world: World, jid: string, phone: Phone, protocols: string[]): BinaryNode {
  const answers: Record<string, () => BinaryNode> = {
    devices: () => devicesNode(world, phone),
    lid: () => node('lid', { val: nameOf(phone, 'lid') }),
    contact: () => node('contact', { type: 'in' }),
  }
  // After a query about a LID, the client would take the LID in the answer for the number.
  const wanted = jid.endsWith('@lid') ? protocols.filter((protocol) => protocol !== 'lid') : protocols
  return node(
    'user',
    { jid },
    wanted.flatMap((protocol) => answers[protocol]?.() ?? []),
  )
}

function devicesNode(world: World, phone: Phone): BinaryNode {
  const linked = world.accounts
    .ofPhone(phone.number)
    .map(({ deviceNumber }) =>
      node('device', { id: String(deviceNumber), 'key-index': String(deviceNumber) }),
    )
  const ts = secondsOf(world.nowMs())
  return node('devices', {}, [
    node('device-list', {}, [node('device', { id: '0' }), ...linked]),
    node('key-index-list', { ts }),
  ])
}
