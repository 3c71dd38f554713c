/** The calls of Mooring's API that the demo makes, as any program would make them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceAnswer } from '../../lambdas/api/answers/device.ts'
import type { ServerAnswer } from '../../lambdas/api/routes/servers.ts'

const CALL_MS_MAX = 10_000
const PAGE_ROWS = 200
const BUSY = 503
const NOT_FOUND = 404
const AGAIN_MAX = 5
const AGAIN_AFTER_MS = 500

export interface Api {
  register(deviceId: string, name: string): Promise<void>
  /** Resolves before the device is gone, because its owner must release it first. */
  remove(deviceId: string): Promise<void>
  start(deviceId: string): Promise<void>
  /** The device's QR; undefined while there is none. */
  qr(deviceId: string): Promise<string | undefined>
  servers(): Promise<ServerAnswer[]>
  devices(): Promise<DeviceAnswer[]>
}

type Method = 'GET' | 'POST' | 'DELETE'

export function connectApi(apiUrl: string, apiKey: string): Api {
  async function call(method: Method, path: string, body?: object): Promise<Response> {
    for (let again = 0; ; again++) {
      const response = await callOnce(method, path, body)
      // On a busy machine the database is sometimes late. Every call here may be repeated.
      if (response.status !== BUSY || again === AGAIN_MAX) return response
      await sleep(AGAIN_AFTER_MS)
    }
  }
  async function callOnce(method: Method, path: string, body?: object): Promise<Response> {
    return await fetch(`${apiUrl}${path}`, {
      method,
      headers: { 'X-Api-Key': apiKey, 'Content-Type': 'application/json' },
      signal: AbortSignal.timeout(CALL_MS_MAX),
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  }
  async function succeed(method: Method, path: string, body?: object): Promise<Response> {
    const response = await call(method, path, body)
    if (response.ok) return response
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  }
  const read = async <T>(path: string) => (await (await succeed('GET', path)).json()) as T
  return {
    async register(deviceId, name) {
      await succeed('POST', '/devices', { deviceId, name })
    },
    async start(deviceId) {
      await succeed('POST', `/devices/${deviceId}/start`)
    },
    async remove(deviceId) {
      const response = await call('DELETE', `/devices/${deviceId}`)
      if (response.ok || response.status === NOT_FOUND) return
      throw new Error(`DELETE /devices/${deviceId}: ${response.status} ${await response.text()}`)
    },
    async qr(deviceId) {
      const response = await call('GET', `/devices/${deviceId}/qr?format=raw`)
      const answer = (await response.json()) as { qr?: string; code?: string; message?: string }
      if (response.ok) return answer.qr
      if (answer.code === 'QR_NOT_READY') return undefined
      throw new Error(`GET /devices/${deviceId}/qr: ${answer.code} ${answer.message}`)
    },
    servers: async () => (await read<{ servers: ServerAnswer[] }>('/servers')).servers,
    async devices() {
      const devices: DeviceAnswer[] = []
      let cursor: string | undefined
      do {
        const after: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''
        const page = await read<{ devices: DeviceAnswer[]; next?: string }>(
          `/devices?limit=${PAGE_ROWS}${after}`,
        )
        devices.push(...page.devices)
        cursor = page.next
      } while (cursor)
      return devices
    },
  }
}
