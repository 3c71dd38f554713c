/** Baileys' Signal repository, which encrypts and decrypts for one device, and what a repair of it is. */
import {
  DEFAULT_CONNECTION_CONFIG,
  type SignalKeyStoreWithTransaction,
  type SocketConfig,
} from '@whiskeysockets/baileys'

export type MakeSignalRepository = SocketConfig['makeSignalRepository']

/** Takes a maker of repositories and returns a maker whose repositories lack one fault. */
export type Repair = (make: MakeSignalRepository) => MakeSignalRepository

export const libsignalRepository: MakeSignalRepository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository

/** @param repairs the innermost first */
export function repaired(make: MakeSignalRepository, repairs: readonly Repair[]): MakeSignalRepository {
  return repairs.reduce((inner, repair) => repair(inner), make)
}

/** makeWASocket adds transactions to the keys before it makes the repository; its types do not say so. */
export function withTransactions(
  keys: Parameters<MakeSignalRepository>[0]['keys'],
): SignalKeyStoreWithTransaction {
  if (!('transaction' in keys)) throw new TypeError('the keys of a socket have no transactions')
  return keys
}
