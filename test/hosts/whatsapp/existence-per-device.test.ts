/** An answer to one device about a number decides nothing for another device. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExistenceCheck } from '../../../hosts/whatsapp/existence.ts'
import { worldOn } from '../../builders/builders.ts'

type Asked = Parameters<ReturnType<typeof createExistenceCheck>['refuseUnknown']>[0]
const message = { to: '15550100130', text: 'ahoy', messageId: '3EB0A1B2' }
const asking = (isThere: boolean) =>
  ({
    executeUSyncQuery: async () => ({ list: [{ id: 'x', contact: isThere }] }),
    getUSyncDevices: async () => [],
  }) as unknown as Asked

test('a device that is told that a number is not there keeps no other device from sending', async () => {
  const { clock } = worldOn({} as never)
  const check = createExistenceCheck(clock)
  await assert.rejects(check.refuseUnknown(asking(false), message), { code: 'NOT_ON_WHATSAPP' })
  await check.refuseUnknown(asking(true), message)
})

test('a device that asks while another does is not refused by the other device’s answer', async () => {
  const { clock } = worldOn({} as never)
  const check = createExistenceCheck(clock)
  const first = assert.rejects(check.refuseUnknown(asking(false), message), { code: 'NOT_ON_WHATSAPP' })
  await check.refuseUnknown(asking(true), message)
  await first
})

test('a question that WhatsApp never answers does not say that nobody is there', async () => {
  const { clock } = worldOn({} as never)
  const check = createExistenceCheck(clock)
  const givenUp = async () => {
    clock.advance(8000)
    return undefined
  }
  const sock = { executeUSyncQuery: givenUp, getUSyncDevices: async () => [] } as unknown as Asked
  await check.refuseUnknown(sock, message)
  await check.refuseUnknown(sock, message)
})

test('nor does a list of devices that WhatsApp never sends', async () => {
  const { clock } = worldOn({} as never)
  const check = createExistenceCheck(clock)
  const answers = [{ list: [] }, undefined, { list: [] }, undefined]
  const sock = { executeUSyncQuery: async () => answers.shift() } as unknown as Asked
  await check.refuseUnknown(sock, message)
  await check.refuseUnknown(sock, message)
})
