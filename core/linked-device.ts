/** Compares the jids of linked devices, which systems and versions spell in several ways. Pure. */

/** A number, an agent that names nobody, the number of the device, and the server. */
const LINKED_DEVICE = /^(\d+)(?:[._]\d{1,3})?(?::(\d{1,5}))?@(?:s\.whatsapp\.net|c\.us|hosted)$/

/** Two devices with the same key are one linked device. Another device number is another linked device of the
 *  same account. */
export function linkedDeviceKey(jid: string): string {
  const spelled = jid.trim().toLowerCase()
  const [, user, device = '0'] = LINKED_DEVICE.exec(spelled) ?? []
  return user === undefined ? spelled : `${user}:${Number(device)}`
}
