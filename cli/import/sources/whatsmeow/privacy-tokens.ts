/** Maps whatsmeow's privacy tokens to Baileys' keys of type `tctoken` (`Utils/tc-token-utils.js`). They are
 *  by LID when the person's LID is known, with the time in seconds as text. One more key lists all of them.
 *  Pure. */
import type { Persons } from './addresses.ts'
import type { Losses } from './losses.ts'
import { bytesIn, type Fields, numberIn, textIn } from './values.ts'

const LIST = '__index'
const JID = /^(\d{1,32})@(s\.whatsapp\.net|lid)$/

export function userOfToken({ their_jid: jid }: Fields): string | undefined {
  return typeof jid === 'string' ? JID.exec(jid)?.[1] : undefined
}

export function privacyTokens(rows: readonly Fields[], { lidOf }: Persons, losses: Losses) {
  const read = losses.each('privacy token', rows, (row) => {
    const jid = textIn(row.their_jid, 'their_jid')
    const lid = jid.endsWith('@lid') ? undefined : lidOf.get(userOfToken(row) ?? '')
    return {
      isKnown: JID.test(jid),
      id: lid === undefined ? jid : `${lid}@lid`,
      token: bytesIn(row.token, 'a token'),
      timestamp: numberIn(row.timestamp, 'a timestamp'),
    }
  })
  const known = read.filter(({ isKnown }) => isKnown)
  for (let unknown = read.length - known.length; unknown > 0; unknown--) losses.noPlace('privacy token')
  if (known.length === 0) return {}
  const oldestFirst = known.toSorted((one, other) => one.timestamp - other.timestamp)
  const tokens = oldestFirst.map(({ id, token, timestamp }) => [id, { token, timestamp: String(timestamp) }])
  const byId = Object.fromEntries(tokens)
  return { ...byId, [LIST]: { token: Buffer.from(JSON.stringify(Object.keys(byId))) } }
}
