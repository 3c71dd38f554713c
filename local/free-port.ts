/** Asks the system for ports on 127.0.0.1. */
import { createServer } from 'node:net'
import { Fault } from './faults.ts'

export function freePort(): Promise<number> {
  return listenOnce(0)
}

/** @throws Fault that says what to do when another program has the port; 0 is any port, and always free */
export async function assertPortFree(port: number): Promise<void> {
  try {
    await listenOnce(port)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE') return
    throw new Fault(
      'NOT_STARTED',
      `port ${port} is taken: end the program that has it, or choose another port with --port`,
    )
  }
}

/** @returns the port, which is free again */
function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address()
      const found = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(found))
    })
  })
}
