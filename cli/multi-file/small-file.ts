/** Reads a file of a multi-file auth folder after a look at its kind and size. */
import { openRegularFile, readChunks } from '../import/forms/regular-file.ts'

/** The largest files are app state, of some megabytes. Keys have kilobytes. */
const FILE_BYTES_MAX = 8_000_000

export interface SmallFile {
  /** undefined when the bytes are no text */
  readonly text: string | undefined
  readonly changedAt: Date
}

export class TooLarge extends Error {}

/** @param mayRead is told the size before a byte is read, and throws when it is too much
 *  @throws NotReadable; TooLarge */
export async function readSmallFile(path: string, mayRead: (bytes: number) => void): Promise<SmallFile> {
  const { handle, bytes, changedAt } = await openRegularFile(path)
  try {
    if (bytes > FILE_BYTES_MAX) {
      throw new TooLarge(
        `has ${Math.ceil(bytes / 1e6)} MB, and no such file has more than ${FILE_BYTES_MAX / 1e6}`,
      )
    }
    mayRead(bytes)
    const parts: Buffer[] = []
    for await (const chunk of readChunks({ handle, bytes }, Math.max(bytes, 1)))
      parts.push(Buffer.from(chunk))
    return { text: textOf(Buffer.concat(parts)), changedAt }
  } finally {
    await handle.close()
  }
}

/** Without the byte order mark that some editors write. */
function textOf(content: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return undefined
  }
}
