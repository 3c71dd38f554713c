/** A device whose closed socket goes on failing, for example by a timer that nobody stops. */

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Boom } from '@hapi/boom'
import { systemClock } from '../../../core/clock.ts'
import { deviceId, serverId } from '../../../core/ids.ts'
import { attributeErrors, runFor } from '../../../hosts/isolation/attribution.ts'

const LINES_MAX = 100

for (const [name, event, error] of [
  ['faults', 'uncaughtException', new Error('again')],
  ['stray rejections', 'unhandledRejection', new Boom('Connection Closed', { statusCode: 428 })],
] as const) {
  test(`ten thousand ${name} of one device do not fill the log`, () => {
    const process = new EventEmitter()
    let told = 0
    attributeErrors(process, { clock: systemClock, telemetry: { emit: () => void told++ } }, () =>
      assert.fail('no process ends'),
    )
    const device = { deviceId: deviceId('shop-1'), serverId: serverId('web-1'), fault: () => undefined }

    runFor(device, () => {
      for (let again = 0; again < 10_000; again++) process.emit(event, error)
    })

    assert.ok(told <= LINES_MAX, `${told} lines`)
  })
}
