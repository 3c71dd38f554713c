/** The rows of one device in whatsmeow's tables, wherever they were read from. The columns are those of
 *  `store/sqlstore/upgrades/00-latest-schema.sql`; older schemas lack some columns and tables. */
import type { Fields } from './values.ts'

/** The tables with rows of a device, besides its row of `whatsmeow_device`: the column with the device's jid,
 *  and the columns that are mapped. */
export const DEVICE_TABLES = {
  pre_keys: { owner: 'jid', columns: ['key_id', 'key', 'uploaded'] },
  identity_keys: { owner: 'our_jid', columns: ['their_id', 'identity'] },
  sessions: { owner: 'our_jid', columns: ['their_id', 'session'] },
  sender_keys: { owner: 'our_jid', columns: ['chat_id', 'sender_id', 'sender_key'] },
  app_state_sync_keys: { owner: 'jid', columns: ['key_id', 'key_data', 'timestamp', 'fingerprint'] },
  app_state_version: { owner: 'jid', columns: ['name', 'version', 'hash'] },
  app_state_mutation_macs: { owner: 'jid', columns: ['name', 'version', 'index_mac', 'value_mac'] },
  privacy_tokens: { owner: 'our_jid', columns: ['their_jid', 'token', 'timestamp'] },
} as const

export type DeviceTable = keyof typeof DEVICE_TABLES

/** Tables whose rows Baileys has no place for, and the words for one row. */
export const LEFT_OUT_TABLES = {
  message_secrets: 'message secret',
  contacts: 'contact',
  chat_settings: 'chat setting',
} as const

export type LeftOutTable = keyof typeof LEFT_OUT_TABLES

export interface DeviceRows {
  /** Its row of `whatsmeow_device`. */
  readonly device: Fields
  readonly tables: Readonly<Record<DeviceTable, readonly Fields[]>>
  /** Rows of `whatsmeow_lid_map`. The table is shared by all devices of a database.
   *  @param users the persons that the device knows, by phone number or LID */
  pairsOf(users: ReadonlySet<string>): readonly Fields[]
  /** How many rows each table has that is left out. */
  readonly leftOut: Readonly<Partial<Record<LeftOutTable, number>>>
  /** How many messages whatsmeow has decrypted, and no application has taken. */
  readonly untaken: number
}
