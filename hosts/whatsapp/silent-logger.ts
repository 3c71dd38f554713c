/** Baileys gets this logger, since its lines hold key material. */
const nothing = () => undefined

export const silentLogger = {
  level: 'silent',
  child: () => silentLogger,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
