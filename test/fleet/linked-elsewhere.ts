/** Devices that plain Baileys has linked, without a fleet. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { startChild } from '../../local/demo/child.ts'
import type { TestFleet } from './fleet-under-test.ts'

/** Pairs devices by the real useMultiFileAuthState in a process of its own. Each logs in once.
 *  @param authDir gets a folder for each device */
export async function pairElsewhere(
  { simulator, logDir }: TestFleet,
  deviceIds: readonly string[],
  authDir: string,
): Promise<void> {
  const { url: whatsAppUrl, controlUrl, controlToken } = simulator
  const log = join(logDir, 'elsewhere.log')
  const child = await startChild(
    'naive-pairing.ts',
    { deviceIds, authDir, whatsAppUrl, controlUrl, controlToken },
    log,
  )
  assert.equal(await child.exited, 0, `see ${log}`)
}
