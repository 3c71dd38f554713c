/** The few calls of Mooring's API that the demo makes, as any program would make them. */
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
  /** Its owner lets go first, so it is gone some time after this. */
  remove(deviceId: string): Promise<void>
  start(deviceId: string): Promise<void>
  /** What the device shows to be scanned; undefined as long as there is nothing to scan. */
  qr(deviceId: string): Promise<string | undefined>
  servers(): Promise<ServerAnswer[]>
  devices(): Promise<DeviceAnswer[]>
}

export function connectApi(apiUrl: string, apiKey: string): Api {
  async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Response> {
    for (let again = 0; ; again++) {
      const response = await callOnce(method, path, body)
      // On a busy machine the database is late at times. Every call here may be repeated.
      if (response.status !== BUSY || again === AGAIN_MAX) return response
      await sleep(AGAIN_AFTER_MS)
    }
  }
  async function callOnce(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Response> {
    return await fetch(`${apiUrl}${path}`, {
      method,
      headers: { 'X-Api-Key': apiKey, 'Content-Type': 'application/json' },
      signal: AbortSignal.timeout(CALL_MS_MAX),
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  }
  async function read<T>(path: string): Promise<T> {
    const response = await call('GET', path)
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  return {
    async register(deviceId, name) {
      const response = await call('POST', '/devices', { deviceId, name })
      if (!response.ok) throw new Error(`POST /devices: ${response.status} ${await response.text()}`)
    },
    async start(deviceId) {
      const response = await call('POST', `/devices/${deviceId}/start`)
      if (!response.ok) throw new Error(`start ${deviceId}: ${response.status} ${await response.text()}`)
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
