/** Reads MongoDB's extended JSON, canonical, relaxed, and as older programs have written it. */

/** Turns bytes into the form of BufferJSON, and the other types of BSON into plain JSON. */
export function plainFromExtended(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainFromExtended)
  if (typeof value !== 'object' || value === null) return value
  const [first] = Object.keys(value)
  if (first?.startsWith('$')) {
    const scalar = scalarOf(first, Object.entries(value)[0]?.[1])
    if (scalar !== undefined) return scalar
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainFromExtended(inner)]))
}

/** @returns undefined for an object that only looks like extended JSON */
function scalarOf(type: string, value: unknown): unknown {
  switch (type) {
    case '$binary': {
      const base64 = typeof value === 'string' ? value : (value as { base64?: unknown } | null)?.base64
      return typeof base64 === 'string' ? { type: 'Buffer', data: base64 } : undefined
    }
    case '$numberInt':
    case '$numberDouble':
      return typeof value === 'string' ? Number(value) : undefined
    case '$numberLong':
    case '$numberDecimal':
      return typeof value === 'string' ? wholeNumber(value) : undefined
    case '$oid':
    case '$uuid':
      return typeof value === 'string' ? value : undefined
    case '$date':
      return typeof value === 'string' ? value : plainFromExtended(value)
    case '$undefined':
      return null
    default:
      return undefined
  }
}

/** A number that JavaScript cannot hold stays a text. */
function wholeNumber(text: string): number | string {
  return Number.isSafeInteger(Number(text)) ? Number(text) : text
}
