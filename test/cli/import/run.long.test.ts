import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { startMooring } from '../mooring-command.ts'
import { aFolder, keysOfAllTypes, newJid, startTestImport, type TestImport } from './builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

const report = (name: string) => JSON.parse(readFileSync(fleet.at(name), 'utf8'))

describe('a dry run', () => {
  test('says of each device what the import then says, word by word', async () => {
    await aFolder(fleet.at('both', 'whole'), { keys: keysOfAllTypes() })
    await aFolder(fleet.at('both', 'bare'))
    await aFolder(fleet.at('both', 'named badly!'), { keys: keysOfAllTypes() })
    const jid = newJid()
    await aFolder(fleet.at('both', 'twin-1'), { jid })
    await aFolder(fleet.at('both', 'twin-2'), { jid })
    await aFolder(fleet.at('both', 'cut'))
    writeFileSync(fleet.at('both', 'cut', 'creds.json'), '{"noiseKey":{"priv')
    await aFolder(fleet.at('both', 'noted'), { keys: keysOfAllTypes() })
    writeFileSync(fleet.at('both', 'noted', 'session-1.0.json'), '{"cut')
    const args = ['import', 'multi-file', fleet.at('both')]

    const planned = JSON.parse((await fleet.mooring(['--json', ...args, '--dry-run'])).out)
    const words = await fleet.mooring([...args, '--dry-run'])
    const done = JSON.parse((await fleet.mooring(['--json', ...args, '--yes'])).out)

    const told = (devices: Record<string, unknown>[]) => devices.map(({ intent, outcome, ...rest }) => rest)
    assert.deepEqual(told(planned.devices), told(done.devices))
    assert.ok(done.devices.some((one: { holdings?: unknown }) => one.holdings))
    assert.match(words.out, /twin-2 .*skipped .*same linked device/)
    assert.match(words.out, /noted .*session-1\.0\.json/)
  })
})

describe('the report', () => {
  test('is a private file, whole, with the name of the run and what each device became', async () => {
    await aFolder(fleet.at('told', 'told-1'))
    const args = ['import', 'multi-file', fleet.at('told'), '--yes', '--name', 'night-1']

    const { out, exit } = await fleet.mooring([...args, '--report', fleet.at('report.json')])

    assert.equal(exit, 0, out)
    assert.match(out, /named night-1/)
    const told = report('report.json')
    assert.deepEqual([told.batch, told.state, told.left], ['night-1', 'done', 0])
    assert.equal(told.devices[0].outcome, 'imported')
    assert.ok(told.endedAt > told.startedAt)
    assert.equal(statSync(fleet.at('report.json')).mode & 0o777, 0o600)
    assert.ok(!readdirSync(fleet.folder).some((name) => name.endsWith('.part')))
    assert.equal((await fleet.device('told-1'))?.importBatch, 'night-1')
  })

  test('that cannot be written is refused before anything is imported', async () => {
    await aFolder(fleet.at('untold', 'untold-1'))
    const args = ['import', 'multi-file', fleet.at('untold'), '--yes']

    const { exit, err } = await fleet.mooring([...args, '--report', fleet.at('nowhere', 'report.json')])

    assert.equal(exit, 2)
    assert.match(err, /report .* cannot be written/)
    assert.equal(await fleet.device('untold-1'), undefined)
  })

  test('tells after Ctrl-C what was done so far, and a second run does the rest', async () => {
    const keys = keysOfAllTypes()
    for (let count = 1; count <= 120; count++) await aFolder(fleet.at('cut-off', `c-${count}`), { keys })
    const args = ['import', 'multi-file', fleet.at('cut-off'), '--yes', '--stopped']
    const running = startMooring([...args, '--report', fleet.at('cut-off.json')], fleet.variables)
    while ((await fleet.device('c-5'))?.pairedAt === undefined) await new Promise((go) => setTimeout(go, 20))
    running.child.kill('SIGINT')
    const { exit } = await running.ended

    assert.equal(exit, 130)
    const told = report('cut-off.json')
    assert.equal(told.state, 'interrupted')
    assert.ok(told.devices.length >= 5 && told.left > 0, `${told.devices.length} of 120`)
    const again = await fleet.mooring(args)
    assert.equal(again.exit, 0, again.err)
    const there = told.devices.length
    assert.match(again.out, new RegExp(`^120 folders: ${there} there already, ${120 - there} imported$`, 'm'))
  })
})

test('--batch with --stopped is refused', async () => {
  const { exit, err } = await fleet.mooring(['import', 'multi-file', 'x', '--batch', '2', '--stopped'])

  assert.equal(exit, 2)
  assert.match(err, /--stopped leaves them stopped/)
})

describe('two imports of the same devices at once', () => {
  test('bring each device in once, and each tells what became of it', async () => {
    const ids = Array.from({ length: 12 }, (_, at) => `same-${at + 1}`)
    for (const id of ids) await aFolder(fleet.at('same', id), { keys: keysOfAllTypes() })
    const args = ['--json', 'import', 'multi-file', fleet.at('same'), '--yes', '--stopped']

    const ran = await Promise.all([fleet.mooring(args), fleet.mooring(args)])

    const told = ran.map(({ out }) => JSON.parse(out).devices as { deviceId: string; outcome: string }[])
    for (const id of ids) {
      const outcomes = told.map((devices) => devices.find(({ deviceId }) => deviceId === id)?.outcome)
      assert.equal(outcomes.filter((outcome) => outcome === 'imported').length, 1, `${id}: ${outcomes}`)
      const row = await fleet.device(id)
      assert.ok(row?.pairedAt && row.importing === undefined, id)
      const { rows } = await fleet.store.query('AuthState', { partition: id })
      assert.ok(
        rows.every(({ key }) => key.startsWith(`${row.credentialsId}/`)),
        `${id} has one set`,
      )
    }
  })

  test('under different ids bring each account in once', async () => {
    const jids = Array.from({ length: 12 }, () => newJid())
    for (const [at, jid] of jids.entries()) {
      await aFolder(fleet.at('left', `left-${at}`), { jid })
      await aFolder(fleet.at('right', `right-${at}`), { jid })
    }
    const run = (side: string) =>
      fleet.mooring(['--json', 'import', 'multi-file', fleet.at(side), '--yes', '--stopped'])

    const ran = await Promise.all([run('left'), run('right')])

    const outcomes = ran.flatMap(({ out }) => JSON.parse(out).devices.map(({ outcome }: never) => outcome))
    assert.equal(outcomes.filter((outcome) => outcome === 'imported').length, jids.length)
    for (const at of jids.keys()) {
      const rows = [await fleet.device(`left-${at}`), await fleet.device(`right-${at}`)]
      assert.equal(rows.filter((row) => row?.pairedAt).length, 1, `${at}`)
      assert.equal(rows.filter((row) => row?.importing).length, 0, `${at}`)
    }
  })
})
