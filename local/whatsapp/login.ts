/** Login of a linked device. One account, one socket: the newer login wins, the older socket is told `replaced`. */
import { jidEncode, type proto } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import { failure, node, REPLACED } from './stanzas.ts'
import type { World } from './world.ts'

const NOT_LINKED = 401

/** @returns the account, or undefined when the credentials are unknown or were removed: then the client is sent away */
export function logIn(
  world: World,
  connection: Connection,
  noiseKey: Buffer,
  payload: proto.ClientPayload,
): Account | undefined {
  const jid = jidEncode(String(payload.username), 's.whatsapp.net', payload.device ?? 0)
  const account = world.accounts.byJid(jid)
  if (!account?.noiseKey.equals(noiseKey)) {
    world.judge.refused()
    world.emit({ event: 'login-refused', account: jid, label: connection.label })
    connection.end(failure(NOT_LINKED))
    return undefined
  }
  const refusal = world.refusals.login?.(jid, payload)
  if (refusal) {
    world.judge.refused()
    connection.end(refusal)
    return undefined
  }
  const older = world.accounts.online.get(account)
  world.accounts.online.set(account, connection)
  world.judge.loggedIn(jid, connection, world.nowMs())
  world.emit({ event: 'logged-in', account: jid, label: connection.label })
  if (older) {
    world.judge.conflicted(jid, 'overlap', older, world.nowMs(), connection)
    world.emit({ event: 'conflict', account: jid, label: older.label, by: connection.label })
    older.end(REPLACED)
  }
  const t = String(Math.floor(world.nowMs() / 1000))
  connection.send(node('success', { t, lid: account.lid, props: '27' }))
  return account
}
