/** An error that cannot be written must not make the log line fail. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { powertoolsTelemetry } from '../../aws/powertools-telemetry.ts'
import { deviceId } from '../../core/ids.ts'

const throwing = () => {
  throw new Error('not readable')
}
const withGetter = (name: string) =>
  Object.defineProperty(new Error('odd'), name, { enumerable: true, get: throwing })
const cyclic: Error = new Error('odd')
cyclic.cause = cyclic

const ODD: Readonly<Record<string, unknown>> = {
  'an error that is its own cause': cyclic,
  'an error whose message cannot be read': withGetter('message'),
  'an error whose data cannot be read': withGetter('data'),
  'an object that refuses to become JSON': { toJSON: throwing },
  'a proxy that tells nothing': new Proxy({}, { ownKeys: throwing }),
}

for (const [name, error] of Object.entries(ODD)) {
  test(`${name} is logged without another error`, () => {
    const telemetry = powertoolsTelemetry('test', { count: () => undefined, flush: async () => undefined })
    assert.doesNotThrow(() => telemetry.emit('device.failed', { deviceId: deviceId('shop-1'), error }))
  })
}
