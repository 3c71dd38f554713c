import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Command, CommanderError } from 'commander'
import { nearMiss } from '../../cli/near-misses.ts'
import { createProgram } from '../../cli/program.ts'

/** The suggestion that follows the refusal of these arguments. No command runs, so no API is asked. */
async function meantBy(args: readonly string[]): Promise<string | undefined> {
  const program = createProgram(() => assert.fail('a command ran'), 'mooring', {})
  silence(program)
  const error = await program.parseAsync(args, { from: 'user' }).catch((refused: unknown) => refused)
  assert.ok(error instanceof CommanderError)
  return nearMiss(program, args, error)
}

function silence(command: Command): void {
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
  for (const child of command.commands) silence(child)
}

const MISSES: readonly [readonly string[], string][] = [
  [['device', 'ls'], 'mooring devices'],
  [['devices', 'list', '--all'], 'mooring devices'],
  [['--json', 'device', 'list'], 'mooring devices'],
  [['--key', 'device', 'devices', 'show', 'shop-1'], 'mooring device show shop-1'],
  [['device', 'shop-1'], 'mooring device show shop-1'],
  [['device', 'shop-1', 'pair'], 'mooring device pair shop-1'],
  [['devices', 'add', 'shop-1'], 'mooring device register shop-1'],
  [['device', 'rm', 'shop-1'], 'mooring device delete shop-1'],
  [['servers', 'list'], 'mooring servers'],
  [['server', 'list'], 'mooring servers'],
  [['servers', 'drain', 'web-1'], 'mooring server drain web-1'],
  [['server', 'web-1'], 'mooring server show web-1'],
  [['operations', 'list'], 'mooring operations'],
  [['operations', 'show', 'drain-1'], 'mooring operation drain-1'],
  [['operation', 'show', 'drain-1'], 'mooring operation drain-1'],
  [['fleet', 'status'], 'mooring fleet'],
  [['list'], 'mooring devices'],
  [['list', 'servers'], 'mooring servers'],
  [['status'], 'mooring fleet'],
  [['pair', 'shop-1'], 'mooring device pair shop-1'],
  [['show', 'device', 'shop-1'], 'mooring device show shop-1'],
  [['drain', 'web-1'], 'mooring server drain web-1'],
]

describe('a command that does not exist is answered with the command that was meant', () => {
  for (const [args, meant] of MISSES) {
    test(`mooring ${args.join(' ')}`, async () => {
      assert.equal(await meantBy(args), `Perhaps you mean: ${meant}`)
    })
  }
})

const UNKNOWN: readonly (readonly string[])[] = [
  ['frobnicate'],
  ['devices', '../x'],
  ['devics'],
  ['device', 'shwo'],
]

describe('nothing is suggested for a word that is like no command, or that the parser has recognised', () => {
  for (const args of UNKNOWN) {
    test(`mooring ${args.join(' ')}`, async () => {
      assert.equal(await meantBy(args), undefined)
    })
  }
})
