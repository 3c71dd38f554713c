/** Baileys prints through its logger; the tests read no logs. */
import type { UserFacingSocketConfig } from '@whiskeysockets/baileys'

type Logger = NonNullable<UserFacingSocketConfig['logger']>
const nothing = () => undefined

export const silentLogger: Logger = {
  level: 'silent',
  child: () => silentLogger,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
