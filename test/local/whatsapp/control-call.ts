/** Requests to the HTTP control of a simulator. */
import type { Simulator } from '../../../local/whatsapp/simulator.ts'

type Control = Pick<Simulator, 'controlUrl' | 'controlToken'>

/** @param body sent as JSON; text is sent unchanged */
export async function call(control: Control, method: string, path: string, body?: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(control.controlUrl + path, {
    method,
    headers: { authorization: `Bearer ${control.controlToken}` },
    ...(body !== undefined && { body: text }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** The status and the code of a refusal: `404 ROUTE_NOT_FOUND`. */
export async function refusalOf(...request: Parameters<typeof call>): Promise<string> {
  const { status, body } = await call(...request)
  return `${status} ${body.code}`
}
