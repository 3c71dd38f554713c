/** Sends a text by a device, as an application does: with a signed request to the server that has it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { signatureHeaders } from '../../core/request-signature.ts'
import { asServer } from '../../core/store/server-row.ts'
import type { TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const ANSWER_MS_MAX = 60_000

/** @param to a phone number with `+`, or a jid
 *  @param messageId repeats of one id are one message
 *  @returns the status of the answer */
export async function send(
  fleet: TestFleet,
  secret: string,
  id: DeviceId,
  to: string,
  text: string,
  messageId?: string,
): Promise<number> {
  const [row] = await fleet.devices([id])
  assert.ok(row?.owner, `device "${id}" has no server`)
  const server = asServer(await fleet.store.get('Servers', { serverId: row.owner }))
  const path = `/devices/${id}/messages`
  const body = JSON.stringify({ to, text, messageId })
  const headers = signatureHeaders(secret, `${path}\n${body}`, systemClock.wallMs())
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  return (await fetch(`${server?.url}${path}`, { method: 'POST', headers, body, signal })).status
}

/** Tries again under the same id until the text is sent, as an application does on a busy machine. */
export async function untilSent(
  fleet: TestFleet,
  secret: string,
  id: DeviceId,
  to: string,
  text: string,
  limitMs: number,
): Promise<void> {
  const messageId = randomUUID()
  const answers: unknown[] = []
  await until(
    `"${id}" has sent "${text}"`,
    limitMs,
    async () => {
      const answer = await send(fleet, secret, id, to, text, messageId).catch(String)
      answers.push(answer)
      return answer === 200
    },
    async () => answers,
  )
}
