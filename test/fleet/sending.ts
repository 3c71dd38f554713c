/** Sends a text by a device, as an application does: with a signed request to the server that has it. */
import assert from 'node:assert/strict'
import { systemClock } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { signatureHeaders } from '../../core/request-signature.ts'
import { asServer } from '../../core/store/server-row.ts'
import type { TestFleet } from './fleet-under-test.ts'

const ANSWER_MS_MAX = 60_000

/** @param to a phone number with `+`, or a jid
 *  @returns the status of the answer */
export async function send(
  fleet: TestFleet,
  secret: string,
  id: DeviceId,
  to: string,
  text: string,
): Promise<number> {
  const [row] = await fleet.devices([id])
  assert.ok(row?.owner, `device "${id}" has no server`)
  const server = asServer(await fleet.store.get('Servers', { serverId: row.owner }))
  const path = `/devices/${id}/messages`
  const body = JSON.stringify({ to, text })
  const headers = signatureHeaders(secret, `${path}\n${body}`, systemClock.wallMs())
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  return (await fetch(`${server?.url}${path}`, { method: 'POST', headers, body, signal })).status
}
