/** Tells of each ciphertext whose decrypt has ended, well or not. It repairs nothing: the stall watch wants
 *  to know. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Stanzas } from './keep-plaintexts.ts'
import type { Repair } from './repository.ts'

export function watchDecrypts(stanzas: Pick<Stanzas, 'of'>, tried: (stanza: BinaryNode) => void): Repair {
  return (make) => (auth, logger, pnToLID) => {
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
      decryptMessage: (message) => told(message.ciphertext, () => repository.decryptMessage(message)),
      decryptGroupMessage: (message) => told(message.msg, () => repository.decryptGroupMessage(message)),
    }
  }
}
