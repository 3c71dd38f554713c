/** The device's own addresses, as whatsmeow stores them in `whatsmeow_device`. Pure. */
import { DamagedRow, type Fields, isAbsent, textIn } from './values.ts'

export interface OwnJids {
  readonly jid: string
  readonly lid?: string
  readonly user: string
  readonly lidUser?: string
  readonly device: number
}

/** Databases older than version 5 of whatsmeow's schema write an agent behind the user. */
const JID = /^(\d{1,32})(?:\.\d{1,3})?:(\d{1,5})@s\.whatsapp\.net$/
const OWN_LID = /^(\d{1,32})(?:\.\d{1,3})?(?::\d{1,5})?@lid$/

/** @throws DamagedRow when the jid is none of a device that is linked to a phone */
export function ownJids(row: Fields): OwnJids {
  const [, user = '', device = ''] = JID.exec(textIn(row.jid, 'jid')) ?? []
  if (user === '') throw new DamagedRow('its jid is none of a device that is linked to a phone')
  // Without it WhatsApp tells the LID at the next login.
  const [, lidUser] = isAbsent(row.lid) ? [] : (OWN_LID.exec(textIn(row.lid, 'lid')) ?? [])
  return {
    jid: `${user}:${device}@s.whatsapp.net`,
    user,
    device: Number(device),
    ...(lidUser === undefined ? {} : { lidUser, lid: `${lidUser}:${device}@lid` }),
  }
}
