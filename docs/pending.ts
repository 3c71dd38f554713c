/** `npm version` begins with this. A version without a line under "Pending" in CHANGELOG.md would tell an
 *  operator nothing about what changed, so it is refused. */
import { readFileSync } from 'node:fs'

const changelog = readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8')
const pending = /^## Pending\n(.*?)(?=^## )/ms.exec(changelog)?.[1]?.trim()

if (!pending || pending === 'Nothing yet.') {
  console.error(
    'CHANGELOG.md has nothing under "Pending": write there what changed before you make a version.',
  )
  process.exitCode = 1
}
