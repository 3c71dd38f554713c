/** Loaded into a server's process for a test: when the poisoned device connects, it ends the process in a way that nobody can
 *  attribute. It learns of the device by the log, and acts from a timer of its own, which belongs to no device. */
const POISONED = process.env.POISONED_DEVICE ?? ''
const AT = `"event":"${process.env.POISON_AT ?? 'device.connected'}"`
const HOW = process.env.POISON_HOW ?? 'throw'
const WAYS: Readonly<Record<string, () => void>> = {
  throw() {
    throw new Error('a poisoned device was here')
  },
  exit: () => process.exit(1),
  abort: () => process.abort(),
  loop() {
    for (;;);
  },
}

let isPoisoned = false
const write = process.stdout.write.bind(process.stdout)
process.stdout.write = ((chunk: string, ...rest: []) => {
  const line = String(chunk)
  if (line.includes(AT) && line.includes(`"deviceId":"${POISONED}"`)) isPoisoned = true
  return write(chunk, ...rest)
}) as typeof process.stdout.write

setInterval(() => {
  if (isPoisoned) WAYS[HOW]?.()
}, 20).unref()
