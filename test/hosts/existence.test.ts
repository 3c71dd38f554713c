import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExistenceCheck } from '../../hosts/existence.ts'
import { worldOn } from '../core/builders.ts'

type Asked = Parameters<ReturnType<typeof createExistenceCheck>['refuseUnknown']>[0]

const NUMBER = '15550100130'
const message = (to: string) => ({ to, text: 'ahoy', messageId: '3EB0A1B2' })

/** A socket whose contact query is answered so; `devices` are what the other query finds. */
function asking(contact: () => Promise<unknown>, devices: () => Promise<unknown[]> = async () => []) {
  let questions = 0
  const sock = {
    async executeUSyncQuery() {
      questions++
      return contact()
    },
    getUSyncDevices: devices,
  } as unknown as Asked
  return { sock, questions: () => questions }
}

const answer = (isThere: unknown) => async () => ({
  list: [{ id: `${NUMBER}@s.whatsapp.net`, contact: isThere }],
})

function aCheck() {
  const { clock } = worldOn({} as never)
  return { clock, check: createExistenceCheck(clock) }
}

test('who is there is asked for once a day, who is not every ten minutes', async () => {
  for (const [isThere, keptMs] of [
    [true, 24 * 3_600_000],
    [false, 600_000],
  ] as const) {
    const { clock, check } = aCheck()
    const { sock, questions } = asking(answer(isThere))
    const ask = () => check.refuseUnknown(sock, message(NUMBER)).catch(() => undefined)
    await ask()
    clock.advance(keptMs - 1)
    await ask()
    assert.equal(questions(), 1)
    clock.advance(1)
    await ask()
    assert.equal(questions(), 2)
  }
})

test('many who ask about one number at once are answered by one question', async () => {
  const { check } = aCheck()
  const { sock, questions } = asking(answer(true))
  await Promise.all(Array.from({ length: 50 }, () => check.refuseUnknown(sock, message(`+${NUMBER}`))))
  assert.equal(questions(), 1)
})

test('groups and LIDs are never asked about', async () => {
  const { check } = aCheck()
  const { sock, questions } = asking(answer(false))
  for (const to of ['123456789-1@g.us', '100000015550100@lid', `${NUMBER}:3@lid`]) {
    await check.refuseUnknown(sock, message(to))
  }
  assert.equal(questions(), 0)
})

test('a question that is never answered holds a message up for five seconds', async () => {
  const { clock, check } = aCheck()
  const { sock } = asking(() => new Promise(() => undefined))
  let isOver = false
  const waiting = check.refuseUnknown(sock, message(NUMBER)).then(() => {
    isOver = true
  })
  clock.advance(4999)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isOver, false)
  clock.advance(1)
  await waiting
})

test('a message that is sent again does not wait for the same answer again', async () => {
  const { clock, check } = aCheck()
  const { sock, questions } = asking(() => new Promise(() => undefined))
  const first = check.refuseUnknown(sock, message(NUMBER))
  clock.advance(5000)
  await first
  const again = check.refuseUnknown(sock, message(NUMBER))
  clock.advance(0)
  await again
  assert.equal(questions(), 1)
})

test('an answer that comes late serves the next message', async () => {
  const { clock, check } = aCheck()
  const late = Promise.withResolvers<unknown>()
  const { sock } = asking(() => late.promise)
  const first = check.refuseUnknown(sock, message(NUMBER))
  clock.advance(5000)
  await first
  late.resolve({ list: [{ contact: false }] })
  await new Promise((resolve) => setImmediate(resolve))
  await assert.rejects(check.refuseUnknown(sock, message(NUMBER)), { code: 'NOT_ON_WHATSAPP' })
})

for (const [what, contact] of [
  ['an error', () => Promise.reject(new Error('rate-overlimit'))],
  ['nothing', async () => undefined],
] as const) {
  test(`a question that is answered with ${what} holds nothing up when the device list fails, too`, async () => {
    const { check } = aCheck()
    const { sock } = asking(contact, () => Promise.reject(new Error('closed')))
    await check.refuseUnknown(sock, message(NUMBER))
  })
}

test('when the answer does not say, the list of devices does', async () => {
  const absent = asking(async () => ({ list: [] }))
  await assert.rejects(aCheck().check.refuseUnknown(absent.sock, message(NUMBER)), {
    code: 'NOT_ON_WHATSAPP',
  })
  const present = asking(
    async () => ({ list: [] }),
    async () => [{ user: NUMBER, device: 0 }],
  )
  await aCheck().check.refuseUnknown(present.sock, message(NUMBER))
})
