/** Reads a file as text, whatever its encoding, and whether or not gzip has packed it. The text comes in
 *  chunks, so that a file of any size takes little memory. */
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Interrupted, WrongUsage } from '../../failures.ts'
import { plain } from '../../words.ts'
import { foreignBytes } from './foreign-forms.ts'
import { NotReadable, openRegularFile, readChunks } from './regular-file.ts'

const CHUNK_BYTES = 65_536
/** deflate packs a thousandfold at most. Keys are random bytes, which hardly pack at all. */
const UNPACKED_PER_PACKED_MAX = 100
/** A small file may repeat itself more often. */
const UNPACKED_BYTES_FREE = 1_000_000

const REMEDIES: Readonly<Partial<Record<NotReadable['kind'], string>>> = {
  folder: 'Give a file, or import folders by `mooring import multi-file`',
  pipe: 'The import reads twice: write what comes out of the pipe to a file, and give that file',
  socket: 'Give a file',
  device: 'Give a file',
}

export interface TextOptions {
  /** Ends the reading early. */
  readonly stop?: AbortSignal
}

/** Its byte order mark is gone, and it has neither zero bytes nor broken characters.
 *  @throws WrongUsage naming the file and the place; Interrupted */
export async function* readText(file: string, { stop }: TextOptions = {}): AsyncGenerator<string> {
  try {
    const opened = await openRegularFile(file)
    try {
      yield* decoded(file, unpacked(file, interruptible(readChunks(opened, CHUNK_BYTES), stop)))
    } finally {
      await opened.handle.close()
    }
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    const remedy = REMEDIES[error.kind]
    throw wrongFile(file, remedy ? `${error.message}. ${remedy}.` : `${error.message}.`)
  }
}

/** @param words a predicate, and what may follow it */
export function wrongFile(file: string, words: string): WrongUsage {
  return new WrongUsage(`${plain(file)} ${words}`)
}

/** How many lines end in a text. */
export function linesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1
  return count
}

async function* interruptible(
  chunks: AsyncIterable<Buffer>,
  stop: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  if (stop?.aborted) throw new Interrupted()
  for await (const chunk of chunks) {
    if (stop?.aborted) throw new Interrupted()
    yield chunk
  }
}

async function* unpacked(file: string, chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const { head, all } = await withHead(chunks, 2)
  if (!isGzip(head)) return yield* all
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  // An error of either stream is thrown where the text is read.
  pipeline(Readable.from(copied(all)), gunzip, () => undefined)
  let bytes = 0
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length
      const most = Math.max(UNPACKED_BYTES_FREE, gunzip.bytesWritten * UNPACKED_PER_PACKED_MAX)
      if (bytes > most) {
        throw wrongFile(
          file,
          `unpacks to more than ${UNPACKED_PER_PACKED_MAX} times its size: no credentials do.`,
        )
      }
      yield chunk
    }
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code)
    if (code === 'Z_BUF_ERROR') throw wrongFile(file, 'is cut short: its gzip data has no end.')
    if (code.startsWith('Z_')) throw wrongFile(file, 'is damaged: its gzip data cannot be unpacked.')
    throw error
  }
}

/** A stream may hold several chunks, and the next chunk takes the place of the one before. */
async function* copied(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

async function* decoded(file: string, chunks: AsyncGenerator<Buffer>): AsyncGenerator<string> {
  const { head, all } = await withHead(chunks, 512)
  const foreign = isGzip(head) ? 'is packed by gzip twice. Unpack it first.' : foreignBytes(head)
  if (foreign) throw wrongFile(file, foreign)
  const encoding = encodingOf(head)
  const decoder = new TextDecoder(encoding, { fatal: true })
  let lines = 1
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    } catch {
      const line = lines + linesIn(bytes ? validStart(bytes, encoding) : '')
      const name = encoding.toUpperCase().replace(/([LB]E)$/, ' $1')
      throw wrongFile(file, `is not ${name}: line ${line} has bytes that are no character. Save it as UTF-8.`)
    }
  }
  for await (const bytes of all) {
    const text = decode(bytes)
    const zeroAt = text.indexOf('\0')
    if (zeroAt >= 0) {
      const line = lines + linesIn(text.slice(0, zeroAt))
      throw wrongFile(file, `holds zero bytes in line ${line}: it is no text, or a copy with holes in it.`)
    }
    lines += linesIn(text)
    if (text !== '') yield text
  }
  const rest = decode()
  if (rest !== '') yield rest
}

/** The text of a chunk up to its first broken character, for the number of the line alone. */
function validStart(bytes: Buffer, encoding: string): string {
  const text = new TextDecoder(encoding).decode(bytes)
  // The chunk may begin in the middle of a character, which is broken only here.
  const at = text.indexOf('\ufffd', 3)
  return text.slice(0, at < 0 ? 0 : at)
}

/** Looks at the byte order mark, or else at the zeros that UTF-16 has beside each letter. */
function encodingOf(head: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second, third, fourth] = head
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (first && second === 0 && third && fourth === 0) return 'utf-16le'
  if (first === 0 && second && third === 0 && fourth) return 'utf-16be'
  return 'utf-8'
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

/** Takes chunks until their first bytes can be looked at, and gives all of them again. */
async function withHead(
  chunks: AsyncGenerator<Buffer>,
  bytes: number,
): Promise<{ head: Buffer; all: AsyncGenerator<Buffer> }> {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < bytes) {
    const { value, done } = await chunks.next()
    if (done) break
    head = Buffer.concat([head, value])
  }
  async function* all() {
    if (head.length > 0) yield head
    yield* chunks
  }
  return { head, all: all() }
}
