/** Reads JSON in which other systems keep Baileys' credentials and keys. */
import { BufferJSON } from '@whiskeysockets/baileys'

/** Reads bytes in each form that is found in practice: Baileys' form, the form of very old files, and Node's
 *  form. Programs without Baileys' replacer have written Node's.
 *  @throws Error when the text is not JSON; the message quotes none of the text, because it is secret */
export function parseForeign(text: string): unknown {
  try {
    return JSON.parse(text, (name, value) => {
      // A copy by assignment would take it for the prototype.
      if (name === '__proto__') return undefined
      const isNodes = value?.type === 'Buffer' && Array.isArray(value.data)
      return isNodes ? bytesOf(value.data) : BufferJSON.reviver(name, value)
    })
  } catch {
    throw new Error('it is not JSON')
  }
}

/** Does the same for JSON that is parsed already. */
export function reviveForeign(value: unknown): unknown {
  return parseForeign(JSON.stringify(value ?? null))
}

/** Buffer.from would make a byte of anything. */
function bytesOf(numbers: readonly unknown[]): Buffer {
  const isByte = (one: unknown) => typeof one === 'number' && Number.isInteger(one) && one >= 0 && one <= 255
  if (!numbers.every(isByte)) throw new Error('no bytes')
  return Buffer.from(numbers as number[])
}
