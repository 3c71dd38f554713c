/** Tells of each ciphertext that was tried, whatever came of it. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Stanzas } from './keep-plaintexts.ts'
import type { MakeSignalRepository } from './repository.ts'

export function watchedDecrypts(
  stanzas: Pick<Stanzas, 'of'>,
  tried: (stanza: BinaryNode) => void,
  make: MakeSignalRepository,
): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const told = async <Result>(ciphertext: Uint8Array, decrypt: () => Promise<Result>): Promise<Result> => {
      try {
        return await decrypt()
      } finally {
        const stanza = stanzas.of(ciphertext)
        if (stanza) tried(stanza)
      }
    }
    return {
      ...repository,
      decryptMessage: (wish) => told(wish.ciphertext, () => repository.decryptMessage(wish)),
      decryptGroupMessage: (wish) => told(wish.msg, () => repository.decryptGroupMessage(wish)),
    }
  }
}
