import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Damage,
  type DamageOptions,
  KNOWN_KILLERS,
  makeDamageSource,
} from '../../../../local/whatsapp/damage/generator.ts'
import { handshakeDamageNames } from '../../../../local/whatsapp/damage/handshake.ts'

const CAST = {
  me: '15550100101:1@s.whatsapp.net',
  meLid: '100015550100101:1@lid',
  contact: '15550100199@s.whatsapp.net',
  contactLid: '100015550100199@lid',
  group: '120363000000000000@g.us',
  t: '1764194400',
}
const damages = (options: DamageOptions): Damage[] => makeDamageSource()(options, CAST)

test('the same seed gives the same damage, and another seed another order', () => {
  const first = damages({ seed: 4, count: 300 })

  assert.deepEqual(damages({ seed: 4, count: 300 }), first)
  assert.notDeepEqual(
    damages({ seed: 5, count: 300 }).map(({ name }) => name),
    first.map(({ name }) => name),
  )
})

test('damage that once ended whole servers comes first with every seed', () => {
  const names = damages({ seed: 99, count: KNOWN_KILLERS.length }).map(({ name }) => name)

  assert.deepEqual(names, KNOWN_KILLERS)
})

test('a damage can be chosen by its name, and a caller can continue where it stopped', () => {
  const twenty = damages({ seed: 7, count: 20 })

  assert.deepEqual(damages({ seed: 7, count: 5, from: 15 }), twenty.slice(15))
  assert.equal(damages({ seed: 7, count: 1, only: twenty[12]?.name ?? '' })[0]?.name, twenty[12]?.name)
  assert.deepEqual(damages({ seed: 7, count: 1, only: 'no such damage' }), [])
})

test('a few hundred damages include every kind of stanza, frame and payload', () => {
  const names = damages({ seed: 1, count: 400 }).map(({ name }) => name)
  const kinds = [
    ...[
      'message from',
      'message of a group',
      'message by LID',
      'receipt that asks again',
      'ack of a message',
    ],
    ...[
      'notification of few pre-keys',
      'notification of devices',
      'notification of a group',
      'notification mex',
    ],
    ...[
      'iq result',
      'iq error',
      'iq pair-device',
      'iq pair-success',
      'ib offline',
      'ib edge_routing',
      'call offer',
    ],
    ...[
      'presence',
      'chatstate',
      'success',
      'failure',
      'stream:error',
      'xmlstreamend',
      'frame',
      'node',
      'encrypted',
    ],
  ]

  assert.deepEqual(
    kinds.filter((kind) => !names.some((name) => name.startsWith(kind))),
    [],
  )
})

test('damage that tells the client to end its socket can be left out', () => {
  const names = damages({ seed: 1, count: 3000, ending: false }).map(({ name }) => name)

  assert.deepEqual(
    names.filter((name) => /^(stream:error|failure|xmlstreamend|frame )/.test(name)),
    [],
  )
})

test('there are some thirty damages of the hello, each with a name of its own', () => {
  const names = handshakeDamageNames()

  assert.equal(new Set(names).size, names.length)
  assert.ok(names.length >= 30)
})
