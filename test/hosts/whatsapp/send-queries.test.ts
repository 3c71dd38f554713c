import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createDeviceLists } from '../../../hosts/whatsapp/device-lists.ts'
import { createSendQueries } from '../../../hosts/whatsapp/send-queries.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const ME = '15550100100@s.whatsapp.net'
const ANNA = '15550100101@s.whatsapp.net'
const BERT = '15550100102@s.whatsapp.net'
const GROUP = '1203630000@g.us'
const QUERY_MS_MAX = 8000

/** A socket whose contacts have one device each. Queries for the user in `silent` are never answered. */
function aSocket({ silent = '' }: { readonly silent?: string } = {}) {
  const clock = manualClock()
  const lists = createDeviceLists(clock)
  const asked: string[] = []
  const never = new Promise<never>(() => undefined)
  const sock = {
    authState: { creds: { me: { id: '15550100100:1@s.whatsapp.net' } } },
    async getUSyncDevices(jids: string[], useCache: boolean) {
      if (!useCache) {
        asked.push(`devices ${jids.join(' ')}`)
        if (jids.includes(silent)) await never
        await turn()
        for (const jid of jids) lists.set(jid.slice(0, jid.indexOf('@')), [{ jid }])
      }
      return jids.map((jid) => ({ jid }))
    },
    async assertSessions(jids: string[]) {
      asked.push(`keys ${jids.join(' ')}`)
    },
    async groupMetadata(id: string) {
      asked.push(`group ${id}`)
      return { id, participants: [{ id: ANNA }, { id: BERT }] }
    },
    signalRepository: { validateSession: async () => ({ exists: false }) },
  }
  const queries = createSendQueries(clock, QUERY_MS_MAX, lists, () => sock as never)
  return {
    clock,
    lists,
    asked,
    sock,
    prepare: (jid: string) => queries.prepare(jid, () => undefined),
    queries,
  }
}

describe('before a send takes the lock', () => {
  test('WhatsApp is asked for the devices and keys of the contact and of the account', async () => {
    const { asked, prepare } = aSocket()

    await prepare(ANNA)

    assert.deepEqual(
      asked.toSorted(),
      [`devices ${ANNA}`, `devices ${ME}`, `keys ${ANNA}`, `keys ${ME}`].toSorted(),
    )
  })

  test('a list that is fresh is not asked for again', async () => {
    const { asked, prepare } = aSocket()
    const first = await prepare(ANNA)
    first.release()
    asked.length = 0

    await prepare(ANNA)

    assert.deepEqual(
      asked.filter((query) => query.startsWith('devices')),
      [],
    )
  })

  test('a list stays for the send, however old it gets meanwhile', async () => {
    const { clock, lists, prepare } = aSocket()
    const prepared = await prepare(ANNA)
    clock.advance(3_600_000)

    assert.ok(lists.get('15550100101'))
    prepared.release()
    assert.equal(lists.get('15550100101'), undefined)
  })

  test('the members of a group are asked for, and told to Baileys', async () => {
    const { asked, prepare, queries } = aSocket()

    await prepare(GROUP)

    assert.deepEqual(asked, [`group ${GROUP}`, `devices ${ANNA} ${BERT}`, `keys ${ANNA} ${BERT}`])
    assert.equal((await queries.cachedGroupMetadata(GROUP))?.id, GROUP)
  })

  test('sends to one contact at the same time share their queries', async () => {
    const { asked, prepare } = aSocket()

    await Promise.all([prepare(ANNA), prepare(ANNA)])

    assert.equal(asked.filter((query) => query === `devices ${ANNA}`).length, 1)
  })
})

test('a contact for whom WhatsApp never answers holds up no other contact', async () => {
  const { prepare } = aSocket({ silent: ANNA })
  let ended = false
  const stuck = prepare(ANNA).finally(() => {
    ended = true
  })

  await prepare(BERT)
  await turn()

  assert.equal(ended, false)
  void stuck
})

test('a query that Baileys gave up is not taken for an empty answer, and releases its lists', async () => {
  const { clock, sock, lists, prepare } = aSocket()
  sock.getUSyncDevices = async (jids, useCache) => {
    if (!useCache) clock.advance(QUERY_MS_MAX)
    return jids.map((jid) => ({ jid }))
  }

  await assert.rejects(prepare(ANNA), /WhatsApp has not answered a query/)

  lists.set('15550100101', ['a'])
  clock.advance(3_600_000)
  assert.equal(lists.get('15550100101'), undefined)
})
