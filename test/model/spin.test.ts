import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { CHECKS } from './checks.ts'
import { readOutcome } from './spin.ts'
import { traceOf } from './trace.ts'

const SEARCHED = `
(Spin Version 6.5.2 -- 6 December 2019)
	+ Breadth-First Search
State-vector 76 byte, depth reached 39, errors: 0
  4427649 states, stored
  781.391	total actual memory usage
unreached in proctype runServer
	/mooring.pml:305, state 146, "-end-"
	(1 of 146 states)
unreached in proctype judge
	/mooring.pml:436, state 2, "assert(0)"
	(1 of 5 states)
`

test('a search that looked at every state and found nothing holds', () => {
  assert.deepEqual(readOutcome(SEARCHED), { result: 'holds', states: 4_427_649, memoryMb: 781.391 })
})

test('a violated assertion is found', () => {
  const output = SEARCHED.replace('errors: 0', 'errors: 1')
  const { result, violation } = readOutcome(
    `pan:1: assertion violated (readUnder<=writing) (at depth 6544)\n${output}`,
  )
  assert.equal(result, 'found')
  assert.equal(violation, 'assertion violated (readUnder<=writing) (at depth 6544)')
})

for (const { ended, output } of [
  { ended: 'for want of memory', output: `	5.24288e+07 bytes limit\n${SEARCHED}` },
  { ended: 'for want of depth', output: `error: max search depth too small\n${SEARCHED}` },
  { ended: 'half way', output: `Warning: Search not completed\n${SEARCHED}` },
  {
    ended: 'in a deadlock',
    output: `pan:1: invalid end state (at depth 3)\n${SEARCHED.replace('errors: 0', 'errors: 1')}`,
  },
  { ended: 'without a word', output: '' },
  { ended: 'with a step that never happened', output: SEARCHED.replace('"-end-"', '"owner = 2"') },
]) {
  test(`a search that ended ${ended} does not hold`, () => {
    assert.equal(readOutcome(output).result, 'incomplete')
  })
}

test('a violation is told by the comments of the model', async () => {
  const model = await readFile(new URL('../../docs/model/mooring.pml', import.meta.url), 'utf8')
  const line = model.split('\n').findIndex((text) => text.includes('server[me].beat == 0 ->')) + 1
  const replay = [
    `  7:	proc  1 (runServer:1) mooring.pml:${line} (state 6)	[(1)]`,
    '  8:	proc  4 (tick:1) mooring.pml:1 (state 1)	[(1)]',
    '',
  ].join('\n')
  assert.equal(traceOf(replay, model), '  server 1   beat: sent\n  ---------- one tick')
})

test('every switch that a check sets is one that the model knows', async () => {
  const model = await readFile(new URL('../../docs/model/mooring.pml', import.meta.url), 'utf8')
  const known = new Set([...model.matchAll(/^#ifn?def (\w+)/gm)].map(([, name]) => name))
  const unknown = CHECKS.flatMap(({ defines }) => Object.keys(defines)).filter((name) => !known.has(name))
  assert.deepEqual(unknown, [])
})
