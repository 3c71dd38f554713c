import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { findFolders } from '../../../../cli/import/sources/folder-tree.ts'
import { scratchPath } from '../forms/scratch-files.ts'

/** Makes files with their folders. A name that ends with `/` is an empty folder. */
function aTree(name: string, files: readonly string[]): string {
  const root = scratchPath(name)
  for (const file of files) {
    mkdirSync(join(root, file, file.endsWith('/') ? '.' : '..'), { recursive: true })
    if (!file.endsWith('/')) writeFileSync(join(root, file), '{}')
  }
  return root
}

/** The paths below the root, and why a folder is no device. */
async function found(root: string, ...more: string[]): Promise<string[]> {
  const folders = await findFolders([root, ...more])
  return folders.map(({ path, why }) =>
    (why === undefined ? path : `${path}: ${why}`).replace(`${root}/`, ''),
  )
}

describe('the folders of devices', () => {
  test('are found on every level, those on higher levels first', async () => {
    const root = aTree('levels', [
      'tenant-10/b/creds.json',
      'tenant-2/a/creds.json',
      'tenant-2/day/deeper/c/creds.json',
      'top/creds.json',
    ])

    assert.deepEqual(await found(root), ['top', 'tenant-2/a', 'tenant-10/b', 'tenant-2/day/deeper/c'])
  })

  test('are found below a folder that is a device itself', async () => {
    const root = aTree('nested', ['creds.json', 'backup/creds.json', 'media/photo.jpg'])

    assert.deepEqual(await found(root), [root, 'backup'])
  })

  test('are those with creds in any case, with a copy of the creds, or with keys', async () => {
    const root = aTree('kinds', [
      'a/CREDS.JSON',
      'b/creds.json.bak',
      'c/creds.backup.json',
      'd/pre-key-1.json',
      'e/other.json',
    ])
    const all = await findFolders([root])

    assert.equal(all.length, 5)
  })

  test('are told once, when a tree without one is beside them', async () => {
    const root = aTree('beside', ['a/creds.json', 'media/2024/1/x.jpg', 'media/2024/2/y.jpg', 'empty/'])

    assert.deepEqual(await found(root), ['a', 'empty', 'media'])
  })

  test('are not looked for in hidden folders and those of archives', async () => {
    const root = aTree('hidden', ['a/creds.json', '.b/creds.json', '__MACOSX/a/creds.json'])

    assert.deepEqual(await found(root), ['a'])
  })

  test('are found once, however often a path is given', async () => {
    const root = aTree('twice', ['a/creds.json', 'b/creds.json'])
    symlinkSync(root, `${root}-link`)

    assert.deepEqual(await found(root, `${root}/`, join(root, 'a'), `${root}-link`), ['a', 'b'])
  })
})

describe('a folder is told, and not looked into:', () => {
  test('the profile of a browser', async () => {
    const root = aTree('browsers', [
      'a/creds.json',
      'session-1/Default/IndexedDB/x',
      'session-1/Local State',
      'RemoteAuth-2/Default/IndexedDB/x',
      'RemoteAuth-2/IndexedDB/x',
    ])

    const [, remote, local] = await found(root)

    assert.match(String(local), /^session-1: it is the profile of a browser.*whatsapp-web\.js.*link/)
    assert.match(String(remote), /^RemoteAuth-2: it is the profile of a browser/)
    assert.match(String(await found(join(root, 'session-1'))), /profile of a browser/)
  })

  test('a link to a folder, also one that leads back', async () => {
    const root = aTree('links', ['a/creds.json'])
    symlinkSync(root, join(root, 'back'))
    symlinkSync(join(root, 'nowhere'), join(root, 'broken'))

    const [, link, ...rest] = await found(root)

    assert.match(String(link), /^back: it is a link to a folder, and links are not followed/)
    assert.deepEqual(rest, [])
  })

  test('a folder that lies too deep', async () => {
    const root = aTree('deep', ['a/creds.json', '1/2/3/4/5/creds.json', '1/2/3/4/x/6/creds.json'])

    const told = await found(root)
    const unseen = await found(aTree('deeper', ['a/creds.json', '1/2/3/4/5/6/creds.json']))

    assert.match(String(unseen[0]), /^1: .* deeper than 5 levels are not looked into/)
    assert.deepEqual(told.slice(0, 2), ['a', '1/2/3/4/5'])
    assert.match(String(told[2]), /^1\/2\/3\/4\/x: .* deeper than 5 levels are not looked into/)
  })
})

describe('refused:', () => {
  test('a path that is no folder, or holds none', async () => {
    const root = aTree('none', ['file.json'])

    await assert.rejects(findFolders([join(root, 'file.json')]), /is no folder.*unpack an archive/)
    await assert.rejects(findFolders([root]), /holds neither a creds\.json nor folders/)
    await assert.rejects(findFolders([join(root, 'x')]), /cannot be read as a folder: ENOENT/)
  })

  test('to go on after a signal to stop', async () => {
    const root = aTree('stopped', ['a/creds.json'])

    await assert.rejects(findFolders([root], AbortSignal.abort()), /interrupted/)
  })
})
