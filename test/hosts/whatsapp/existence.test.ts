import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExistenceCheck } from '../../../hosts/whatsapp/existence.ts'
import { worldOn } from '../../builders/builders.ts'

type Asked = Parameters<ReturnType<typeof createExistenceCheck>['refuseUnknown']>[0]

const NUMBER = '15550100130'
const message = (to: string) => ({ to, text: 'ahoy', messageId: '3EB0A1B2' })

const nothing = async () => ({ list: [] })

/** A socket with these answers to its query about the contact, and then to its query about devices. */
function asking(contact: () => Promise<unknown>, devices: () => Promise<unknown> = nothing) {
  let questions = 0
  const sock = {
    async executeUSyncQuery({ protocols: [asked] }: { protocols: { name: string }[] }) {
      if (asked?.name === 'devices') return devices()
      questions++
      return contact()
    },
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

test('a number that is there is asked about once a day, one that is not every ten minutes', async () => {
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

test('messages to one number at the same time share one question', async () => {
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

test('a question that is never answered delays a message by five seconds', async () => {
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

test('a late answer serves the next message', async () => {
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

const unanswered = async () => undefined
const failing = () => Promise.reject(new Error('rate-overlimit'))

for (const [what, contact, devices] of [
  ['an error', failing, nothing],
  ['nothing', unanswered, nothing],
  ['nothing, as is every other one', unanswered, unanswered],
  ['what does not say, and the other one with nothing', nothing, unanswered],
  ['what does not say, and the other one with an error', nothing, failing],
] as const) {
  test(`a question that is answered with ${what} does not say that nobody is there, now or later`, async () => {
    const { check } = aCheck()
    const { sock } = asking(contact, devices)
    await check.refuseUnknown(sock, message(NUMBER))
    await check.refuseUnknown(sock, message(NUMBER))
  })
}

test('the list of devices decides when the answer does not', async () => {
  const absent = asking(nothing)
  await assert.rejects(aCheck().check.refuseUnknown(absent.sock, message(NUMBER)), {
    code: 'NOT_ON_WHATSAPP',
  })
  const present = asking(nothing, async () => ({ list: [{ devices: { deviceList: [{ id: 0 }] } }] }))
  await aCheck().check.refuseUnknown(present.sock, message(NUMBER))
})

test('a device that WhatsApp does not answer holds up no other device that asks about the same number', async () => {
  const { check } = aCheck()
  const stalled = asking(() => new Promise(() => undefined))
  const other = asking(answer(true))
  void check.refuseUnknown(stalled.sock, message(NUMBER))

  await check.refuseUnknown(other.sock, message(NUMBER))

  assert.equal(stalled.questions(), 1)
  assert.equal(other.questions(), 1)
})
