/** The kinds of a client's queries, by which a misdeed chooses among them. */
import { type BinaryNode, jidDecode, jidEncode } from '@whiskeysockets/baileys'
import { phoneOf } from './key-bundles.ts'
import { firstChild } from './stanzas.ts'
import type { World } from './world.ts'

const KINDS: Readonly<Record<string, string>> = {
  'encrypt get count': 'prekey-count',
  'encrypt set registration': 'prekey-upload',
  'encrypt set rotate': 'rotate',
  'encrypt get digest': 'digest',
  'encrypt get key': 'key',
  'privacy set tokens': 'privacy-token',
  'w:m set media_conn': 'media_conn',
  'w:p get ping': 'ping',
  'md set remove-companion-device': 'logout',
}
/** A query without a word of its own is named by its namespace. */
export const QUERY_KINDS: readonly string[] = [
  ...Object.values(KINDS),
  ...[
    'usync',
    'passive',
    'abt',
    'blocklist',
    'privacy',
    'w:g2',
    'w:sync:app:state',
    'w:profile:picture',
    'w:stats',
  ],
]

export function queryKey(iq: BinaryNode): string {
  return `${iq.attrs.xmlns} ${iq.attrs.type} ${firstChild(iq)?.tag}`
}

export function queryKind(iq: BinaryNode): string {
  return KINDS[queryKey(iq)] ?? iq.attrs.xmlns ?? ''
}

/** Whether the stanza names a contact of this number, by number or by LID, or a group of this jid. */
export function isAbout(world: World, { attrs, content }: BinaryNode, about: string): boolean {
  const named = [attrs.jid, attrs.to, attrs.from, attrs.participant].some(
    (jid) => jid && names(world, jid, about),
  )
  if (named) return true
  if (Array.isArray(content)) return content.some((child) => isAbout(world, child, about))
  // A query by phone number has the number as text.
  return content !== undefined && Buffer.from(content).toString() === `+${about}`
}

export function names(world: World, jid: string, about: string): boolean {
  if (jid === about) return true
  const { server } = jidDecode(jid) ?? {}
  if (server !== 'lid') return jid === jidEncode(about, 's.whatsapp.net') || jidDecode(jid)?.user === about
  return phoneOf(world, jid)?.number === about
}
