/** Every link from a document to another, or to a file, leads somewhere: the file is there, and so is the
 *  heading. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
/** A code block or a code span: what looks like a link in it is none. */
const CODE = /^```[\s\S]*?^```|`[^`\n]*`/gm
const LINK = /\]\(([^)\s]+)\)/g
const HEADING = /^#{1,6} (.+)$/gm
const ELSEWHERE = /^(https?|mailto):/
/** Scripts that were there once: the changelog says so. */
const GONE = ['test:unit', 'test:fleet']

describe('the links of the documents', () => {
  const documents = globSync('**/*.md', {
    cwd: ROOT,
    exclude: (path) => /(^|\/)(node_modules|cdk\.out|\.\w+)(\/|$)/.test(path),
  }).sort()

  for (const document of documents) {
    test(`${document} links to what is there`, () => {
      assert.deepEqual(brokenLinks(document, read(document)), [])
    })
  }

  test('every document in docs is listed in its index', () => {
    const index = read('docs/README.md')

    const unlisted = globSync('docs/*.md', { cwd: ROOT })
      .map((path) => path.replace('docs/', ''))
      .filter((name) => name !== 'README.md' && !index.includes(`](${name}`))

    assert.deepEqual(unlisted, [])
  })

  test('every npm script that a document names is there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

    const missing = documents.flatMap((document) =>
      [...read(document).matchAll(/`(?:[A-Z_]+=\S+ )*npm run ([\w:-]+)/g)]
        .map(([, name = '']) => name)
        .filter((name) => !(name in scripts) && !GONE.includes(name))
        .map((name) => `${document} names npm run ${name}`),
    )

    assert.deepEqual(missing, [])
  })

  test('a link that leads nowhere would be found', () => {
    assert.deepEqual(
      brokenLinks('docs/README.md', 'see [this](nowhere.md) and [that](protocol.md#no-such)'),
      ['nowhere.md', 'protocol.md#no-such'],
    )
    assert.deepEqual(
      brokenLinks('docs/README.md', '# A *new* `word`\n[here](#a-new-word), `[code](nowhere.md)`'),
      [],
    )
  })
})

function brokenLinks(document: string, text: string): string[] {
  const links = [...text.replace(CODE, (code) => (code.startsWith('```') ? '' : 'code')).matchAll(LINK)]
  return links
    .map(([, link = '']) => link)
    .filter((link) => !ELSEWHERE.test(link) && !leadsSomewhere(document, text, link))
}

function leadsSomewhere(document: string, text: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? document : join(dirname(document), path)
  if (!existsSync(join(ROOT, target))) return false
  if (anchor === undefined) return true
  return anchorsOf(path === '' ? text : read(target)).includes(anchor)
}

/** As GitHub names the headings of a document. GitHub numbers headings of the same name, but here each
 *  name occurs once. */
function anchorsOf(text: string): string[] {
  const withoutBlocks = text.replace(/^```[\s\S]*?^```/gm, '')
  return [...withoutBlocks.matchAll(HEADING)].map(([, heading = '']) =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
