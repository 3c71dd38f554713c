import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { devDependencies } = JSON.parse(read('package.json'))

interface Stage {
  readonly from: string
  readonly instructions: readonly string[]
}

/** Each stage with the first words of its instructions. */
const stages: Stage[] = read('hosts/Dockerfile')
  .split(/^FROM /m)
  .slice(1)
  .map((text) => {
    const [from = '', ...lines] = text.split('\n')
    return { from, instructions: lines.flatMap((line) => /^[A-Z]+/.exec(line) ?? []) }
  })
const images = stages.map(({ from }) => /(\S+)(?: AS \S+)?$/.exec(from)?.[1])

describe('hosts/Dockerfile', () => {
  test('has two stages: the dependencies, and the image', () => {
    assert.equal(stages.length, 2)
  })

  test('runs programs only in the stage of the processor that builds, so that no emulation is needed', () => {
    const running = stages.filter(({ instructions }) => instructions.includes('RUN'))
    const elsewhere = running.filter(({ from }) => !from.startsWith('--platform=$BUILDPLATFORM '))
    assert.ok(running.length > 0)
    assert.deepEqual(elsewhere, [])
  })

  test('leaves the platform of the image to the build, which asks for ARM64', () => {
    assert.ok(!stages.at(-1)?.from.includes('--platform'))
  })

  test('has the version of Node in both stages with which everything is tested', () => {
    const tested = `node:${devDependencies.node}-slim`
    assert.deepEqual(images, [tested, tested])
  })
})
