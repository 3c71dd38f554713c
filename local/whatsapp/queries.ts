/** Answers to `iq` stanzas. Every query gets an answer, if need be an empty one, so that no client hangs.
 *  Only a misdeed changes that. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  S_WHATSAPP_NET,
} from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import { bends } from './damage/bends.ts'
import { encodeRaw, rawNode } from './damage/raw-node.ts'
import { seeded } from './damage/seeded.ts'
import { groupNode } from './groups.ts'
import { bundleNodes, bundleOf, identityNodes, readPreKey, readSignedPreKey } from './key-bundles.ts'
import { misanswer } from './misanswer.ts'
import { EVERYBODY } from './misdeeds.ts'
import { isAbout, queryKey, queryKind } from './query-kinds.ts'
import { DEVICE_REMOVED, firstChild, MalformedStanza, node, refusal, result } from './stanzas.ts'
import { usyncAnswer } from './usync.ts'
import type { World } from './world.ts'

/** A constant: a client that has stored it need not get the properties again. */
const PROPS_HASH = 'local'
const EVERYBODY_SETTINGS = ['readreceipts', 'profile', 'status', 'online', 'last', 'groupadd', 'calladd']

export function answerQuery(world: World, connection: Connection, account: Account, iq: BinaryNode): void {
  const key = queryKey(iq)
  const right = () => {
    connection.send(result(iq, answerTo(world, account, iq, key)))
    if (key === 'passive set active') connection.send(offlinePreview(world, account))
    if (key === 'md set remove-companion-device') removeAccount(world, account)
  }
  const kind = queryKind(iq)
  const active = world.misdeeds.use(
    'query',
    account,
    (misdeed) =>
      (misdeed.kind === EVERYBODY || misdeed.kind === kind) &&
      (misdeed.about === undefined || isAbout(world, iq, misdeed.about)),
  )
  if (!active) {
    right()
    return
  }
  misanswer(world, active, active.misdeed.answer, {
    right,
    error: (code, text = 'refused') => connection.send(refusal(iq, code, text)),
    damaged: (seed) =>
      connection.inject('sealed', bentAnswer(result(iq, answerTo(world, account, iq, key)), seed)),
  })
}

/** Bends an answer, but keeps the id for which the client waits. */
function bentAnswer(answer: BinaryNode, seed: number): Buffer {
  const chance = seeded(seed)
  const bent = bends(rawNode(answer), chance).filter(({ how }) => !/^(attribute id|no attributes)/.test(how))
  return encodeRaw(chance.pick(bent).node)
}

/** Unlinks the device: its next login is refused, and its socket is told and closed. */
export function removeAccount(world: World, account: Account): void {
  const connection = world.accounts.online.get(account)
  world.accounts.remove(account)
  world.judge.count('dropped', account.queue.length)
  account.queue = []
  world.changed()
  world.emit({ event: 'logged-out', account: account.jid, label: connection?.label ?? 'offline' })
  connection?.end(DEVICE_REMOVED)
}

function answerTo(world: World, account: Account, iq: BinaryNode, key: string): BinaryNode[] | undefined {
  switch (key) {
    case 'encrypt get count':
      return [node('count', { value: String(account.preKeys.count()) })]
    case 'encrypt set registration':
      return storeKeys(world, account, iq)
    case 'encrypt set rotate':
      return rotateKey(world, account, iq)
    case 'encrypt get digest':
      return [node('digest', {}, identityNodes(account))]
    case 'encrypt get key':
      return [
        node(
          'list',
          {},
          getBinaryNodeChildren(firstChild(iq), 'user').map((user) => keysOf(world, user)),
        ),
      ]
    case 'usync get usync':
      return usyncAnswer(world, account, iq)
    case 'w:g2 get query': {
      const group = world.groups.byJid(iq.attrs.to ?? '')
      return group ? [groupNode(group, world.phones)] : undefined
    }
    case 'w:g2 get participating': {
      const groups = world.groups.ofPhone(account.phoneNumber)
      return [
        node(
          'groups',
          {},
          groups.map((group) => groupNode(group, world.phones)),
        ),
      ]
    }
    case 'abt get props':
      return [node('props', { protocol: '1', hash: PROPS_HASH })]
    case 'blocklist get undefined':
      return [node('list', {})]
    case 'privacy get privacy':
      return [
        node(
          'privacy',
          {},
          EVERYBODY_SETTINGS.map((name) => node('category', { name, value: 'all' })),
        ),
      ]
    default:
      return undefined
  }
}

function storeKeys(world: World, account: Account, iq: BinaryNode): undefined {
  const signedPreKey = getBinaryNodeChild(iq, 'skey')
  if (signedPreKey) account.signedPreKey = readSignedPreKey(signedPreKey)
  account.preKeys.add(getBinaryNodeChildren(getBinaryNodeChild(iq, 'list'), 'key').map(readPreKey))
  world.changed()
}

function rotateKey(world: World, account: Account, iq: BinaryNode): undefined {
  const signedPreKey = getBinaryNodeChild(firstChild(iq), 'skey')
  if (!signedPreKey) throw new MalformedStanza('<rotate> without <skey>')
  account.signedPreKey = readSignedPreKey(signedPreKey)
  world.changed()
}

function keysOf(world: World, { attrs }: BinaryNode): BinaryNode {
  const jid = attrs.jid ?? ''
  const bundle = bundleOf(world, jid)
  if (!bundle) return node('user', { jid }, [node('error', { code: '404', text: 'item-not-found' })])
  return node('user', { jid }, bundleNodes(bundle))
}

/** Tells the client how many stanzas wait for it. The client answers with `offline_batch` when it is
 *  ready. */
function offlinePreview(world: World, account: Account): BinaryNode {
  const count = String(account.queue.length + world.unseen.of(account).length)
  const preview = { count, message: count, notification: '0', receipt: '0', appdata: '0' }
  return node('ib', { from: S_WHATSAPP_NET }, [node('offline_preview', preview)])
}
