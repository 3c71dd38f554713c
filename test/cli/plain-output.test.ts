import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { Command } from 'commander'
import { connectApi } from '../../cli/api.ts'
import { createProgram } from '../../cli/program.ts'
import { openTerminal } from '../../cli/terminal.ts'
import { systemClock } from '../../core/clock.ts'
import { HOSTILE, type Manner, startForeignApi } from './foreign-api.ts'

/** How each command is run. Import and export ask nothing of the API. */
const COMMANDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  devices: [[], ['--owner', 's-1', '--all']],
  'device show': [['d-1']],
  'device register': [['d-1', '--name', HOSTILE]],
  'device pair': [
    ['d-1', '--timeout', '1'],
    ['d-1', '--timeout', '1', '--phone', '+1 555 010 0123'],
  ],
  'device start': [['d-1']],
  'device stop': [['d-1']],
  'device restart': [['d-1']],
  'device logout': [['d-1']],
  'device send': [['d-1', '+15550100150', HOSTILE, '--secret', 's']],
  'device reassign': [
    ['d-1', 's-1'],
    ['d-1', 's-1', '--wait', '--timeout', '1'],
  ],
  'device history': [['d-1']],
  'device delete': [['d-1', '--yes'], ['d-1']],
  servers: [[], ['--all']],
  'server show': [['s-1'], ['nobody']],
  'server drain': [['s-1'], ['s-1', '--dry-run'], ['s-1', '--cancel'], ['s-1', '--wait', '--timeout', '1']],
  'server evict': [['s-1', '--yes'], ['s-1']],
  'fleet show': [[]],
  'fleet restart': [[], ['--stop']],
  'fleet pause': [[]],
  'fleet resume': [[]],
  operations: [[]],
  operation: [['o-1'], ['o-1', '--wait', '--timeout', '1']],
  watch: [['--count', '1']],
}
const MANNERS: readonly Manner[] = ['words', 'everything', 'refusals']
const CHARACTERS_MAX = 30_000

let api: Awaited<ReturnType<typeof startForeignApi>>
before(async () => {
  api = await startForeignApi()
})
after(() => api?.close())

/** Runs a command in this process, as cli/mooring.ts does, and gives all that it wrote. */
async function written(args: readonly string[], manner: Manner, isTerminal: boolean): Promise<string> {
  const streams = { out: new PassThrough(), errors: new PassThrough() }
  if (isTerminal) Object.assign(streams.out, { isTTY: true, rows: 500, columns: 400 })
  const { out, errors } = streams as unknown as { out: NodeJS.WriteStream; errors: PassThrough }
  const terminal = openTerminal({ out, errors, input: new PassThrough() as never })
  const stop = new AbortController().signal
  const program = createProgram(
    ({ json }) => ({
      api: connectApi({ url: api.urlOf(manner), key: 'k', clock: systemClock, stop }),
      terminal,
      clock: systemClock,
      stop,
      json: json === true,
      command: 'mooring',
    }),
    'mooring',
    { writeOut: terminal.printText, writeErr: terminal.complain },
  )
  await program
    .parseAsync(args, { from: 'user' })
    .catch((error: unknown) => terminal.complain(error instanceof Error ? String(error.stack) : 'none'))
  terminal.settle()
  return [streams.out, streams.errors].map((stream) => String(stream.read() ?? '')).join('')
}

const ESCAPE = '\u001b\\['
/** The line ends, our colours, and the drawing in place. */
const OURS = new RegExp(
  `\\n|${ESCAPE}(0|1|22|30|31|32|37|39|47|49)m|${ESCAPE}\\?(25|7)[lh]|${ESCAPE}\\d*[AJK]\\r?`,
  'g',
)

function hiddenIn(text: string): string[] {
  const bare = text.replaceAll(OURS, '')
  return bare.match(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu) ?? []
}

function leavesOf(command: Command, path: readonly string[] = []): string[] {
  return command.commands.length === 0
    ? [path.join(' ')]
    : command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]))
}

test('every command that asks the API is held to this', () => {
  const leaves = leavesOf(createProgram(() => assert.fail('a command ran'), 'mooring', {}))

  assert.deepEqual(
    leaves.filter((leaf) => !/^(import|export)\b/.test(leaf)).toSorted(),
    Object.keys(COMMANDS).toSorted(),
  )
})

for (const manner of MANNERS) {
  describe(`nothing hidden is printed, whatever a foreign API answers: ${manner}`, { concurrency: 8 }, () => {
    for (const [command, runs] of Object.entries(COMMANDS)) {
      test(command, async () => {
        for (const given of runs) {
          const args = [...command.split(' '), ...given]
          const texts = await Promise.all([written(args, manner, false), written(args, manner, true)])
          const json = await written(['--json', ...args], manner, false)

          assert.deepEqual([...texts, json].flatMap(hiddenIn), [], args.join(' '))
          assert.ok(
            texts.every((text) => text.length > 0 && text.length < CHARACTERS_MAX),
            args.join(' '),
          )
          assert.doesNotMatch(texts.join(''), /TypeError|RangeError/)
        }
      })
    }
  })
}

test('a hostile argument is printed plain in the fault that it is', async () => {
  const text = await written(['devices', '--status', HOSTILE], 'words', false)

  assert.match(text, /Allowed choices/)
  assert.deepEqual(hiddenIn(text), [])
})
