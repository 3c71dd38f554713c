/** Reads and writes stanzas: the shapes that more than one part of the simulator needs. */
import { type BinaryNode, getBinaryNodeChild, S_WHATSAPP_NET } from '@whiskeysockets/baileys'

/** A client has sent a stanza that no WhatsApp client sends. Its connection is ended. */
export class MalformedStanza extends Error {}

export function node(
  tag: string,
  attrs: Record<string, string> = {},
  content?: BinaryNode['content'],
): BinaryNode {
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

export function result(request: BinaryNode, content?: BinaryNode[]): BinaryNode {
  return node('iq', { type: 'result', from: S_WHATSAPP_NET, id: request.attrs.id ?? '' }, content)
}

export function refusal(request: BinaryNode, code: number, text: string): BinaryNode {
  const attrs = { type: 'error', from: S_WHATSAPP_NET, id: request.attrs.id ?? '' }
  return node('iq', attrs, [node('error', { code: String(code), text })])
}

export function streamError(code: number, reason?: BinaryNode): BinaryNode {
  return node('stream:error', { code: String(code) }, reason && [reason])
}

/** It has no code, as with WhatsApp: the client recognises 440 by the `conflict` alone. */
export const REPLACED = node('stream:error', {}, [node('conflict', { type: 'replaced' })])
export const DEVICE_REMOVED = streamError(401, node('conflict', { type: 'device_removed' }))

export function failure(reason: number): BinaryNode {
  return node('failure', { reason: String(reason), location: 'local' })
}

/** The time as stanzas have it. */
export function secondsOf(ms: number): string {
  return String(Math.floor(ms / 1000))
}

export function firstChild({ content }: BinaryNode): BinaryNode | undefined {
  return Array.isArray(content) ? content[0] : undefined
}

export function childBytes(parent: BinaryNode | undefined, tag: string): Buffer {
  const content = getBinaryNodeChild(parent, tag)?.content
  if (!(content instanceof Uint8Array)) throw new MalformedStanza(`<${parent?.tag}> without <${tag}>`)
  return Buffer.from(content)
}

export function childNumber(parent: BinaryNode | undefined, tag: string): number {
  const bytes = childBytes(parent, tag)
  if (bytes.length < 1 || bytes.length > 6) throw new MalformedStanza(`<${tag}> is no number`)
  return bytes.readUIntBE(0, bytes.length)
}

export function bigEndian(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}
