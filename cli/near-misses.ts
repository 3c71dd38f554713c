/** Guesses the command that was meant when a person types one that does not exist. The person may have
 *  typed a plural for a singular, the verb first, or a word of another tool. Pure: it reads the tree of
 *  commands and runs none. */
import type { Command, CommanderError } from 'commander'
import { hasIdForm } from '../core/ids.ts'

const SINGULARS: Readonly<Record<string, string>> = {
  devices: 'device',
  servers: 'server',
  operations: 'operation',
}
const PLURALS = Object.fromEntries(Object.entries(SINGULARS).map(([plural, singular]) => [singular, plural]))
const LISTINGS = new Set(['list', 'ls', 'all', 'index'])
/** Words of other tools, and Mooring's words for them. */
const SYNONYMS: Readonly<Record<string, string>> = {
  add: 'register',
  create: 'register',
  new: 'register',
  link: 'pair',
  qr: 'pair',
  remove: 'delete',
  rm: 'delete',
  move: 'reassign',
  get: 'show',
  info: 'show',
  status: 'show',
  log: 'history',
  unlink: 'logout',
}
/** The global options that take a value. */
const WITH_VALUE = new Set(['--url', '--key'])

/** @returns the command that was probably meant, or undefined when that cannot be told */
export function nearMiss(
  program: Command,
  args: readonly string[],
  error: CommanderError,
  command = 'mooring',
): string | undefined {
  const isMiss = error.code === 'commander.unknownCommand' || error.code === 'commander.excessArguments'
  if (!isMiss || isMisspelt(error.message)) return undefined
  const words = wordsOf(args)
  if (!words.every(hasIdForm)) return undefined
  const meant = meantBy(program, words)
  return meant === undefined ? undefined : `Perhaps you mean: ${command} ${meant.join(' ')}`
}

/** Commander itself has found a word with nearly the same spelling. It does so for ids as well, and those do
 *  not count. */
function isMisspelt(message: string): boolean {
  return message.includes('Did you mean') && /'[a-z]+'/.test(message)
}

/** The words before the first option of a command; later words may be the option's value. */
function wordsOf(args: readonly string[]): string[] {
  const words: string[] = []
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (WITH_VALUE.has(arg)) at += 1
    else if (!arg.startsWith('-')) words.push(arg)
    else if (arg !== '--json' && !/^--(url|key)=/.test(arg)) break
  }
  return words
}

function meantBy(program: Command, [first = '', ...rest]: readonly string[]): string[] | undefined {
  const singular = SINGULARS[first] ?? first
  const plural = PLURALS[singular]
  if (plural !== undefined) return meantOf(singular, plural, verbsOf(program, singular), rest)
  if (first === 'fleet' || first === 'status' || first === 'overview') return ['fleet']
  if (LISTINGS.has(first)) return [SINGULARS[rest[0] ?? ''] === undefined ? 'devices' : (rest[0] ?? '')]
  for (const noun of ['device', 'server']) {
    const verb = verbOf(verbsOf(program, noun), first)
    if (verb) return rest[0] === noun ? [noun, verb, ...rest.slice(1)] : [noun, verb, ...rest]
  }
  return undefined
}

function meantOf(
  singular: string,
  plural: string,
  verbs: readonly string[],
  [first, ...rest]: readonly string[],
): string[] | undefined {
  if (first === undefined || LISTINGS.has(first)) return [plural]
  // An operation is shown by its id alone.
  if (singular === 'operation') return first === 'show' && rest[0] ? [singular, rest[0]] : [singular, first]
  const verb = verbOf(verbs, first)
  if (verb) return [singular, verb, ...rest]
  const later = verbOf(verbs, rest[0] ?? '')
  return later ? [singular, later, first, ...rest.slice(1)] : [singular, 'show', first]
}

function verbsOf(program: Command, noun: string): string[] {
  const found = program.commands.find((command) => command.name() === noun)
  return found?.commands.map((command) => command.name()) ?? []
}

function verbOf(verbs: readonly string[], word: string): string | undefined {
  const meant = SYNONYMS[word]
  return verbs.find((verb) => verb === word) ?? verbs.find((verb) => verb === meant)
}
