/** Loaded into a server's process for a test: the poisoned device is well for a while, and then ends the process in a way that
 *  nobody can attribute; as would one to which somebody writes each time what ends its server. */
const POISONED = process.env.POISONED_DEVICE ?? ''
const AFTER_MS = Number(process.env.POISON_AFTER_MS ?? 12_000)
const write = process.stdout.write.bind(process.stdout)
let isPoisoned = false
process.stdout.write = ((chunk: string, ...rest: []) => {
  const line = String(chunk)
  if (line.includes('"event":"device.connected"') && line.includes(`"deviceId":"${POISONED}"`))
    isPoisoned = isPoisoned || Boolean(setTimeout(() => process.abort(), AFTER_MS))
  return write(chunk, ...rest)
}) as typeof process.stdout.write
