/** Turns Baileys' values into the text of an item and back, by Baileys' own BufferJSON. */
import { BufferJSON, proto } from '@whiskeysockets/baileys'

/** @throws Error when the value cannot be written as JSON; the message shows nothing of it */
export function serialise(value: unknown): string {
  const text: string | undefined = JSON.stringify(value, BufferJSON.replacer)
  if (text === undefined) throw new TypeError(`a ${typeof value} cannot be stored`)
  return text
}

/** @throws Error when the text is damaged; the message shows nothing of it, since it may be a private key */
export function deserialise(text: string): unknown {
  try {
    return JSON.parse(text, bytes)
  } catch {
    throw new Error('the stored text is not JSON')
  }
}

/** Gives a key of this type the form that Baileys expects. */
export function revive(type: string, value: unknown): unknown {
  if (type !== 'app-state-sync-key') return value
  // JSON has turned its bytes into base64 and its 64-bit numbers into text.
  return proto.Message.AppStateSyncKeyData.fromObject(value as Record<string, unknown>)
}

/** The first half of BufferJSON.reviver alone. The other half takes `{"0": 7}` for a byte array, as very old
 *  files hold them. It would change such a value of a key type that Mooring does not know yet. */
function bytes(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('data' in value)) return value
  if (value.type !== 'Buffer' || typeof value.data !== 'string') return value
  return Buffer.from(value.data, 'base64')
}
