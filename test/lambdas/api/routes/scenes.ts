/** The scenes that several tests of routes share. They assert nothing. */
import { deviceId } from '../../../../core/ids.ts'
import type { Store } from '../../../../core/store/store.ts'
import {
  anActiveServer,
  anOwnedDevice,
  deviceRow,
  ownedDevices,
  type Tables,
} from '../../../builders/builders.ts'
import { anApi, apiOn, type TestApi, type TestLambdaWorld } from '../../events.ts'

/** An API with one device that `server-1` owns. */
export async function aDeviceOfServer1(tables: Tables) {
  const api = await anApi(tables)
  const server = await anActiveServer(api.world, 'server-1')
  await anOwnedDevice(api.world, server, 'shop-17')
  const row = () => deviceRow(api.world.store, deviceId('shop-17'))
  return { ...api, server, row }
}

/** An API over `web-1` with 3 devices and `web-2` with room. */
export async function aFleet(
  tables: Tables,
  { room = 100, taskArn }: { room?: number; taskArn?: string } = {},
) {
  const api = await anApi(tables)
  const web1 = await anActiveServer(api.world, 'web-1', taskArn ? { taskArn } : {})
  const web2 = await anActiveServer(api.world, 'web-2', { capacity: room })
  const ids = (await ownedDevices(api.world, web1, 3)).map((row) => row.deviceId)
  return { ...api, web1, web2, ids }
}

/** The answer in one line: status, code and message. */
export async function refusal(api: Pick<TestApi, 'call'>, method: string, target: string, body?: unknown) {
  const answer = await api.call(method, target, { body })
  return `${answer.status} ${answer.body.code}: ${answer.body.message}`
}

/** The same API, but another writer acts right before the API reads a server for the third time. */
export function onThirdLook(world: TestLambdaWorld, act: () => Promise<unknown>): TestApi {
  let looks = 0
  const get: Store['get'] = async (table, key) => {
    if (table === 'Servers' && ++looks === 3) await act()
    return world.store.get(table, key)
  }
  return apiOn({ ...world, store: { ...world.store, get } })
}
