/** The ids of Mooring. Each is a branded type, so that a swapped argument does not compile. */

declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** Names a device. The operator chooses it, or the registration makes one. */
export type DeviceId = Branded<string, 'DeviceId'>
/** Names one run of the host program: new at every start, and never used again. */
export type ServerId = Branded<string, 'ServerId'>
/** Raised by one at every permit and every release of a device. It fences the writes of older sockets. */
export type Epoch = Branded<number, 'Epoch'>

/** 1 to 64 characters that are safe in a URL path, a DynamoDB key and a log line. */
export const ID_FORM = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/** Whether `text` can name a device, a server or a server's SERVER_NAME. */
export function hasIdForm(text: string): boolean {
  return ID_FORM.test(text)
}

/** @throws RangeError when the text does not have the form of an id. The API has validated its input
 *  before. */
export function deviceId(text: string): DeviceId {
  if (!hasIdForm(text)) throw new RangeError(`not a device id: ${JSON.stringify(text)}`)
  return text as DeviceId
}

/** @throws RangeError when the text does not have the form of an id */
export function serverId(text: string): ServerId {
  if (!hasIdForm(text)) throw new RangeError(`not a server id: ${JSON.stringify(text)}`)
  return text as ServerId
}

export function epoch(count: number): Epoch {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`not an epoch: ${count}`)
  return count as Epoch
}
