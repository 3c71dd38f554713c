/** Reads JSON in which other systems keep Baileys' credentials and keys. */
import { BufferJSON } from '@whiskeysockets/baileys'

/** Reads bytes in each form that is found in practice: Baileys' form, the form of very old files, and Node's
 *  form. Programs without Baileys' replacer have written Node's.
 *  @throws Error when the text is not JSON; the message quotes none of the text, because it is secret */
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

/** Does the same for JSON that is parsed already. */
export function reviveForeign(value: unknown): unknown {
  return parseForeign(JSON.stringify(value ?? null))
}
