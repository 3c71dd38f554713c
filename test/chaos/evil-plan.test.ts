import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDamageSource } from '../../local/whatsapp/damage/generator.ts'
import { LOGIN_PHASES } from '../../local/whatsapp/misdeeds.ts'
import { chance } from '../simulation/chance.ts'
import { drawDamage, drawSilence, type Evil } from './evil-plan.ts'
import { drawPlan } from './plan.ts'

type OfMisdeed = Extract<Evil, { kind: 'misdeed' }>
const PLAN = drawPlan({ seed: 1, seconds: 600, servers: 5 })
const MISDEEDS = PLAN.filter((planned) => planned.kind === 'misdeed')

test('ten minutes have every wrong that WhatsApp can do', () => {
  const whats = new Set([...MISDEEDS.map(({ what }) => what), ...PLAN.map(({ kind }) => kind)])
  const wanted = [
    'damage',
    'texted by LID',
    'texted in a group',
    'asked again',
    ...LOGIN_PHASES.map((phase) => `login damaged: ${phase}`),
    ...['402', '405', '408', '500', '503'].map((code) => `login refused: ${code}`),
    ...['never', 'late', 'damaged', 'with 500'].map((how) => `queries answered ${how}`),
    ...['never', 'late', 'with 429', 'with 500'].map((how) => `acks given ${how}`),
    'WhatsApp silent',
    'WhatsApp silent to all',
  ]
  assert.deepEqual(
    wanted.filter((what) => !whats.has(what)),
    [],
  )
})

test('a minute has a wrong of each kind', () => {
  const plan = drawPlan({ seed: 1, seconds: 60, servers: 4 })
  const kinds = new Set<string>(plan.map((one) => (one.kind === 'misdeed' ? one.misdeed.what : one.kind)))
  const wanted = ['damage', 'login-damage', 'refuse-login', 'query', 'ack', 'silence', 'texted in a group']
  assert.deepEqual(
    wanted.filter((kind) => !kinds.has(kind)),
    [],
  )
})

test('every device is struck only by wrongs at a first login, and by silences shorter than a ping', () => {
  const struckAll = MISDEEDS.filter(({ pick }) => pick === undefined)
  assert.ok(struckAll.length > 0)
  for (const { misdeed, lastsMs } of struckAll) {
    const isOfNewcomers = misdeed.what === 'login-damage' && misdeed.phase === 'pairing'
    assert.ok(isOfNewcomers || (misdeed.what === 'silence' && lastsMs <= 15_000), JSON.stringify(misdeed))
  }
})

test('no refusal ends a device, a ban is short, and a device that 405 would keep away is started', () => {
  const refusals = MISDEEDS.filter(
    (one): one is OfMisdeed & typeof one => one.misdeed.what === 'refuse-login',
  )
  for (const { misdeed, startedAfter = false } of refusals) {
    const { reason, attrs } = misdeed as Extract<OfMisdeed['misdeed'], { what: 'refuse-login' }>
    assert.ok(['402', '405', '408', '500', '503'].includes(reason ?? ''), reason)
    assert.ok(reason !== '402' || Number(attrs?.expire) <= 10)
    assert.equal(startedAfter, reason === '405')
  }
})

test('a silence lasts a minute at most, and ten minutes in a run of hours', () => {
  const longest = (runMs: number) => {
    const draw = chance(1, 'silences')
    return Math.max(...Array.from({ length: 2000 }, () => drawSilence(draw, runMs).lastsMs))
  }
  assert.ok(longest(600_000) <= 60_000)
  assert.ok(longest(3_600_000) > 300_000 && longest(3_600_000) <= 600_000)
})

test('each damage of the plan has something to send, and is no ban, conflict or removal', () => {
  const draw = chance(1, 'damages')
  const source = makeDamageSource()
  const me = '15550100100:1'
  const contact = '15550100101'
  const cast = {
    me: `${me}@s.whatsapp.net`,
    meLid: `${me}@lid`,
    contact: `${contact}@s.whatsapp.net`,
    contactLid: `${contact}@lid`,
    group: '120363000000000000@g.us',
    t: '1764194400',
  }
  const damages = Array.from({ length: 200 }, () => drawDamage(draw)).filter((evil) => evil.kind === 'damage')
  for (const { damage } of damages) {
    const found = source({ ...damage, seed: 1 }, cast)
    assert.equal(found.length, damage.count)
    const names = found.filter(({ ends }) => ends).map(({ name }) => name)
    assert.ok(!names.some((name) => /402|conflict|downgrade|ack:/.test(name)), names.join())
  }
})
