/** Opens a file for reading after a look at its kind. A pipe would hang the command, and a device may never
 *  end, so neither is opened. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'

/** Why a path cannot be read. The message is a predicate: "is a pipe". */
export class NotReadable extends Error {
  readonly kind: Kind

  constructor(kind: Kind, message: string) {
    super(message)
    this.kind = kind
  }
}

type Kind = 'missing' | 'forbidden' | 'folder' | 'pipe' | 'socket' | 'device' | 'failed'

export interface RegularFile {
  readonly handle: FileHandle
  /** The size at the look. What is appended later is not read. */
  readonly bytes: number
}

/** A link is followed, and judged by what it leads to. The caller closes the handle.
 *  @throws NotReadable */
export async function openRegularFile(path: string): Promise<RegularFile> {
  mustBeRegular(await stat(path).catch(fail))
  // A pipe may have taken the file's place since the look. Opening it must not wait for a writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY).catch(fail)
  try {
    const stats = await handle.stat()
    mustBeRegular(stats)
    return { handle, bytes: stats.size }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Reads in chunks up to the size at the look. Each chunk takes the place of the one before it, because a
 *  buffer for each would grow the process faster than its memory is tidied.
 *  @throws NotReadable when the file has become shorter, or when the disk fails */
export async function* readChunks(
  { handle, bytes }: RegularFile,
  chunkBytes: number,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, bytes))
  for (let at = 0; at < bytes; ) {
    const length = Math.min(buffer.length, bytes - at)
    const { bytesRead } = await handle.read(buffer, 0, length, at).catch(fail)
    if (bytesRead === 0) throw new NotReadable('failed', 'became shorter while it was read')
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

function mustBeRegular(stats: Stats): void {
  if (stats.isFile()) return
  if (stats.isDirectory()) throw new NotReadable('folder', 'is a folder')
  if (stats.isFIFO()) throw new NotReadable('pipe', 'is a pipe')
  if (stats.isSocket()) throw new NotReadable('socket', 'is a socket')
  throw new NotReadable('device', 'is a device of this machine, not a file')
}

function fail(error: NodeJS.ErrnoException): never {
  const code = error.code ?? 'an unknown error'
  if (code === 'ENOENT') throw new NotReadable('missing', `cannot be read: ${code}, there is no such file`)
  if (code === 'EACCES' || code === 'EPERM') {
    throw new NotReadable('forbidden', `cannot be read: ${code}, you are not permitted to read it`)
  }
  throw new NotReadable('failed', `cannot be read: ${code}`)
}
