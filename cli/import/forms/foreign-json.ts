/** Reads JSON in which other systems keep Baileys' credentials and keys. */
import { BufferJSON } from '@whiskeysockets/baileys'

/** Reads bytes in each form that is found in practice: Baileys' form, the form of very old files, Node's form,
 *  and MongoDB's. Programs without Baileys' replacer have written Node's.
 *  @throws Error when the text is not JSON; the message quotes none of the text, because it is secret */
export function parseForeign(text: string): unknown {
  try {
    return JSON.parse(text, (name, value) => {
      // A copy by assignment would take it for the prototype.
      if (name === '__proto__') return undefined
      const isNodes = value?.type === 'Buffer' && Array.isArray(value.data)
      if (isNodes) return bytesOf(value.data)
      return mongoBytes(value) ?? BufferJSON.reviver(name, value)
    })
  } catch (error) {
    // Values are revived level by level, each on the stack.
    throw new Error(error instanceof RangeError ? 'it is nested too deep' : 'it is not JSON')
  }
}

/** `{"$binary": {"base64": "..."}}`, or as older programs have written it: `{"$binary": "..."}`. */
function mongoBytes(value: unknown): Buffer | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$binary')) return undefined
  const { $binary } = value as { $binary: unknown }
  const base64 =
    typeof $binary === 'object' && $binary !== null ? ($binary as { base64?: unknown }).base64 : $binary
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : undefined
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
