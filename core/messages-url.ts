/** The URL at which the operator's application takes messages. A URL that can never work is refused before
 *  a server starts with it. */
import { isForbiddenPort } from './fetch-ports.ts'

/** Most HTTP servers accept a URL of this length. */
const URL_CHARACTERS_MAX = 2048

export type MessagesProtocol = 'http:' | 'https:'

/** @returns why messages cannot be sent there, in words that show nothing of the URL; undefined when they
 *  can */
export function messagesUrlFault(text: string, protocols: readonly MessagesProtocol[]): string | undefined {
  const schemes = protocols.map((protocol) => `${protocol}//`).join(' or ')
  if (text.length > URL_CHARACTERS_MAX) return `is longer than ${URL_CHARACTERS_MAX} characters`
  const url = URL.parse(text)
  if (!url || !protocols.includes(url.protocol as MessagesProtocol) || !/^https?:\/\//i.test(text)) {
    return `is a URL that begins with ${schemes}`
  }
  if (/[\s\p{Cc}]/u.test(text)) return 'has a blank or a control character in it'
  if (url.username !== '' || url.password !== '' || authorityOf(text).includes('@')) {
    return (
      'must not have a user or a password in it: fetch refuses both, and logs would show them. ' +
      'Messages are signed with MESSAGES_SECRET'
    )
  }
  if (text.includes('#')) return 'must not have a # in it: nothing after it is ever sent'
  if (url.port === '0' || isForbiddenPort(Number(url.port))) {
    return `has the port ${url.port}, which fetch never connects to: choose another one`
  }
  return undefined
}

function authorityOf(text: string): string {
  return /^https?:\/\/([^/?#]*)/i.exec(text)?.[1] ?? ''
}

/** The URL as it may be shown: without its query, which can hold a secret. */
export function shownUrl(text: string): string {
  const { origin, pathname, search } = new URL(text)
  return `${origin}${pathname}${search === '' ? '' : '?...'}`
}
