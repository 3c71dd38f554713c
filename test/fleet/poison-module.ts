/** A module that a test loads into a server's process. When the poisoned device connects, the module ends
 *  the process by an error that belongs to no device. The module learns of the device from the log, and
 *  acts from its own timer. */
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
