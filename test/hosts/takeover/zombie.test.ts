import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Store } from '../../../core/store/store.ts'
import { silenceConsole } from '../../../hosts/whatsapp/silence-console.ts'
import { holding, newDevice, open, startStore } from '../auth-state/fixtures.ts'
import { contactParty, deviceParty, introduce, talkAtOnce } from '../whatsapp/signal/conversation.ts'

const ME = '4915:1@s.whatsapp.net'

let store: Store
let close: () => Promise<void>
before(async () => {
  // libsignal prints sessions, private keys included
  silenceConsole()
  ;({ store, close } = await startStore())
})
after(() => close())

/** The same store, and what became of the writes that went through it since `count` was called. */
function countingWrites(target: Store) {
  const writes = { applied: 0, refused: 0 }
  const counted = (isApplied: boolean) => {
    writes[isApplied ? 'applied' : 'refused'] += 1
  }
  const counting: Store = {
    ...target,
    async put(table, row, conditions) {
      const applied = await target.put(table, row, conditions)
      counted(applied)
      return applied
    },
    async update(table, key, change) {
      const row = await target.update(table, key, change)
      counted(row !== undefined)
      return row
    },
  }
  return { writes, store: counting, count: () => Object.assign(writes, { applied: 0, refused: 0 }) }
}

const kept = (hash: string) => ({
  hash,
  keptAt: Date.now(),
  stanza: { tag: 'message', attrs: {} },
  missing: 0,
})

test('an old host that wakes after a takeover changes nothing', async () => {
  const device = newDevice()
  const counting = countingWrites(store)
  const frozen = holding(counting.store)
  const zombie = await open({ store: frozen.store, device, epoch: 1 })
  const old = deviceParty(ME, zombie)
  const [anna, bert] = [contactParty('4916@s.whatsapp.net'), contactParty('4917@s.whatsapp.net')]
  await introduce(old, anna)
  await introduce(old, bert)
  await zombie.saveCreds()
  await zombie.inbox.keep(kept('before'))
  const fromAnna = await anna.encrypt(ME, 'to the present owner')

  // The old host freezes in the middle of all kinds of writes.
  frozen.hold()
  const late = Promise.allSettled([
    old.decrypt(anna.jid, fromAnna),
    old.encrypt(bert.jid, 'never sent'),
    zombie.saveCreds(),
    zombie.inbox.keep(kept('late')),
    zombie.inbox.take(['before']),
    zombie.state.keys.set({ 'sender-key': { group: Buffer.from('old') }, 'pre-key': { 1: null } }),
    zombie.state.keys.get('tctoken', ['4916']),
  ])
  const owner = await open({ store, device, epoch: 2, everPaired: true })
  const next = deviceParty(ME, owner)
  assert.equal(await next.decrypt(anna.jid, fromAnna), 'to the present owner')
  assert.deepEqual(
    await talkAtOnce(
      [
        [next, anna],
        [next, bert],
      ],
      3,
    ),
    [],
  )
  await owner.state.keys.get('sender-key', ['group'])
  await owner.state.keys.get('pre-key', ['1'])
  await owner.state.keys.get('tctoken', ['4916'])
  await owner.inbox.find('before')
  await owner.saveCreds()
  const rows = await store.query('AuthState', { partition: device })

  counting.count()
  frozen.release()
  const ends = await late

  assert.deepEqual(
    ends.map(({ status }) => status),
    ends.map(() => 'rejected'),
  )
  assert.equal(counting.writes.applied, 0)
  assert.ok(counting.writes.refused >= 5, `${counting.writes.refused} late writes`)
  assert.deepEqual(await store.query('AuthState', { partition: device }), rows)

  // The old host is awake and knows that it is stale: it asks the store for nothing.
  counting.count()
  await assert.rejects(old.encrypt(anna.jid, 'still me'))
  await assert.rejects(zombie.inbox.keep(kept('later')), { code: 'STALE_EPOCH' })
  await assert.rejects(zombie.saveCreds(), { code: 'STALE_EPOCH' })
  assert.deepEqual(counting.writes, { applied: 0, refused: 0 })
  assert.deepEqual(
    await talkAtOnce(
      [
        [next, anna],
        [next, bert],
      ],
      3,
    ),
    [],
  )
})
