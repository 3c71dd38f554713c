/** Baileys' Signal repository, as the wrappers of this folder see it: each takes a maker and gives back another one. */
import {
  DEFAULT_CONNECTION_CONFIG,
  type SignalKeyStoreWithTransaction,
  type SocketConfig,
} from '@whiskeysockets/baileys'

export type MakeSignalRepository = SocketConfig['makeSignalRepository']

export const libsignalRepository: MakeSignalRepository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository

/** makeWASocket adds transactions to the keys before it makes the repository; its types do not say so. */
export function withTransactions(
  keys: Parameters<MakeSignalRepository>[0]['keys'],
): SignalKeyStoreWithTransaction {
  if (!('transaction' in keys)) throw new TypeError('the keys of a socket have no transactions')
  return keys
}
