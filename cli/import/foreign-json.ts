/** JSON in which others have kept what Baileys works with. */
import { BufferJSON } from '@whiskeysockets/baileys'

/** Reads bytes in every form that is met: Baileys' own, that of very old files, and Node's own, from those who forgot
 *  Baileys' replacer.
 *  @throws Error when it is not JSON; the message holds nothing of it */
export function parseForeign(text: string): unknown {
  try {
    return JSON.parse(text, (name, value) => {
      const isNodes = value?.type === 'Buffer' && Array.isArray(value.data)
      return isNodes ? Buffer.from(value.data) : BufferJSON.reviver(name, value)
    })
  } catch {
    throw new Error('it is not JSON')
  }
}

/** The same for JSON that was parsed already. */
export function reviveForeign(value: unknown): unknown {
  return parseForeign(JSON.stringify(value ?? null))
}
