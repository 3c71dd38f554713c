/** The simulation can fail: it finds each rule of the protocol that is broken alone, within a bounded number
 *  of seeds. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { checkSeed } from './check.ts'
import { MUTATIONS } from './mutations.ts'

const SEEDS_MAX = 1000

describe('a simulation of a broken rule finds it', () => {
  const table: string[] = []

  for (const mutation of MUTATIONS) {
    test(mutation.name, async () => {
      let seed = 1
      let broken = (await checkSeed(seed, mutation, false)).result.violation
      while (!broken && seed < SEEDS_MAX) broken = (await checkSeed(++seed, mutation, false)).result.violation

      assert.ok(broken, `not found within ${SEEDS_MAX} seeds: the faults are too weak`)
      assert.equal((await checkSeed(seed, undefined, false)).result.violation, undefined)
      table.push(`${mutation.name.padEnd(48)} ${String(seed).padStart(5)}  ${broken.invariant}`)
    })
  }

  after(() => {
    process.stdout.write(`\n${'mutation'.padEnd(48)} seeds  the first invariant that it broke\n`)
    process.stdout.write(`${table.join('\n')}\n`)
  })
})
