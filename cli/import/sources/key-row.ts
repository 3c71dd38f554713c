/** One Signal key, or the creds, of one session: what a row, a document or an entry of another system holds.
 *  Some systems write the session into the name of the key, so this file takes such names apart. Pure. */
import { basename } from 'node:path'

export interface KeyRow {
  /** Where it stands, for people. */
  readonly at: string
  /** What the other system calls the device; empty when the file does not tell. */
  readonly session: string
  /** Absent when `name` tells the type too, as in `pre-key-1`. */
  readonly type?: string
  readonly name: string
  readonly value: unknown
  /** The name is not one of Baileys': it is told, and not imported. */
  readonly unknown?: true
}

/** A row that belongs to no device. */
export interface StrayRow {
  readonly at: string
  readonly stray: string
}

export const CREDS = 'creds'

/** A type comes before its own beginnings. The ids of some types are checked, because their names are also
 *  usual in the names of sessions, or begin the name of another type. */
const KEYS = [
  'app-state-sync-version[-:/].+',
  'app-state-sync-key[-:/].+',
  'sender-key-memory[-:/].+',
  'sender-key[-:/].+(?:::|--).+',
  'identity-key[-:/].+',
  'device-list[-:/].+',
  'lid-mapping[-:/].+',
  'tctoken[-:/].+',
  String.raw`pre-key[-:/]\d+`,
  String.raw`session[-:/][\w@.-]+\.\d+`,
].join('|')
const SEPARATOR = '[^A-Za-z0-9]'
/** The last key within the name counts: what stands before it is the session, whatever it is called. */
const WITH_KEY = new RegExp(`^(?:(.*)${SEPARATOR})?(${KEYS})$`, 's')
const WITH_CREDS = new RegExp(`^(?:(.*?)${SEPARATOR})??(?:auth[_-])?creds$`, 's')
const ENDING = /\.json$/i

export interface SplitName {
  readonly session: string
  readonly name: string
}

/** @returns undefined when the name is neither that of a key nor of creds */
export function splitName(text: string): SplitName | undefined {
  const bare = text.replace(ENDING, '')
  const creds = WITH_CREDS.exec(bare)
  if (creds) return { session: sessionPart(creds[1]), name: CREDS }
  const key = WITH_KEY.exec(bare)
  if (!key) return undefined
  return { session: sessionPart(key[1]), name: (key[2] ?? '').replace(/^([a-z-]*[a-z])[:/]/, '$1-') }
}

/** Some systems write `shop-1:creds` and `shop-1:keys:pre-key-1`. */
function sessionPart(prefix = ''): string {
  return prefix.replace(/[^A-Za-z0-9]+$/, '').replace(/(?:^|[^A-Za-z0-9])keys?$/, '')
}

/** Words that name no session: `shop-1:auth` is the session `shop-1`. */
const GENERAL = /^(?:auth|auth[-_]?state|auth[-_]?info|baileys|keys?|sessions?)$/i

/** What the session is called, without the names of the system around it: `wa:shop-1:auth` is `shop-1`.
 *  @param file names the session that has no name */
export function sessionName(session: string, file: string): string {
  const parts = session.split(/[:/]/).filter((part) => part !== '')
  return parts.findLast((part) => !GENERAL.test(part)) ?? (session || basename(file).replace(/\..*$/s, ''))
}
