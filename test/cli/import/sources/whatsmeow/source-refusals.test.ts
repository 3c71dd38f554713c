import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { aDatabaseFile, loadAll, OTHER } from './reading.ts'
import { aDevice, insert, writeDatabase } from './tables.ts'

let folder: string
const at = (...names: string[]) => join(folder, ...names)
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'mooring-whatsmeow-'))
})
after(() => rmSync(folder, { recursive: true }))

describe('is refused in words:', () => {
  const refused: readonly [what: string, make: (path: string) => void, words: RegExp][] = [
    [
      'a database of something else',
      (path) => insert(new DatabaseSync(path), 'messages', { id: 1 }),
      /has no table whatsmeow_device, only messages\.$/,
    ],
    [
      'a view in the place of the table',
      (path) => new DatabaseSync(path).exec('CREATE VIEW whatsmeow_device AS SELECT 1 AS jid'),
      /has no table whatsmeow_device/,
    ],
    [
      'a database without a device',
      (path) => {
        const database = writeDatabase(path, [aDevice()])
        database.exec('DELETE FROM whatsmeow_device')
      },
      /holds no linked device\.$/,
    ],
    [
      'a table that lacks a column',
      (path) => {
        const database = writeDatabase(path, [aDevice()])
        database.exec('ALTER TABLE whatsmeow_sessions RENAME COLUMN session TO record')
      },
      /has no column session in whatsmeow_sessions, only our_jid, their_id, record\.$/,
    ],
    [
      'a file that is cut off',
      (path) => {
        aDatabaseFile(path)
        truncateSync(path, 8192)
      },
      /is damaged: SQLite cannot read it\.$/,
    ],
    [
      'a write that was broken off',
      (path) => {
        aDatabaseFile(path)
        writeFileSync(`${path}-journal`, Buffer.from('d9d505f920a163d7', 'hex'))
      },
      /has a write that was broken off/,
    ],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), /is a pipe\.$/],
    [
      'a large file of zeros',
      (path) => {
        writeFileSync(path, '')
        truncateSync(path, 5_000_000_000)
      },
      /holds zero bytes/,
    ],
    ['random bytes', (path) => writeFileSync(path, Buffer.alloc(9000, 0x9c)), /no character|is not UTF-8/],
    [
      'an encrypted database.db',
      (path) => writeFileSync(path, Buffer.alloc(9000, 0x9c)),
      /is no database of SQLite, or it is encrypted\.$/,
    ],
    ['a directory without a database', (path) => mkdirSync(path), /holds no SQLite file/],
    ['a path that is not there', () => undefined, /cannot be read: ENOENT\.$/],
  ]
  for (const [what, make, words] of refused) {
    test(what, async () => {
      const path = at(what)
      make(path)

      await assert.rejects(loadAll(path), words)
    })
  }

  test('a device of Messenger, and one of an unknown kind, but not those beside it', async () => {
    const messenger = aDevice(undefined, { ...OTHER, facebook_uuid: 'c0ffee' })
    const hosted = aDevice(undefined, { jid: '15550100103:99@hosted' })
    const file = aDatabaseFile(at('mixed.db'), [aDevice(), messenger, hosted])

    const loaded = await loadAll(file)

    assert.deepEqual(
      loaded.map((one) => ('unusable' in one ? one.unusable : 'usable')),
      [
        'usable',
        'it is a device of Messenger, not of WhatsApp',
        'it is damaged: its jid is none of a device that is linked to a phone',
      ],
    )
  })

  test('one file of a directory, but not those beside it', async () => {
    aDatabaseFile(at('some', 'good', 'gows.db'))
    insert(new DatabaseSync(at('some', 'other.db')), 'messages', { id: 1 })
    symlinkSync('nowhere', at('some', 'link.db'))
    symlinkSync(at('some', 'good'), at('some', 'folder'))

    const loaded = await loadAll(at('some'))

    assert.deepEqual(
      loaded.map((one) => ('unusable' in one ? one.unusable : 'usable')),
      [
        'usable',
        'it cannot be read: ENOENT, there is no such file',
        'it has no table whatsmeow_device, only messages',
      ],
    )
  })

  test('a value of many megabytes, as if it were not there', async () => {
    const tables = aDevice()
    const large = { their_id: '15550100151:0', session: Buffer.alloc(3_000_000) }
    const file = aDatabaseFile(at('large.db'), [{ ...tables, sessions: [...(tables.sessions ?? []), large] }])

    const [loaded] = await loadAll(file)

    assert.ok(loaded && 'leftOut' in loaded)
    assert.match(loaded.leftOut.join(), /1 session cannot be read \(a session is missing, or is no bytes\)/)
  })
})
