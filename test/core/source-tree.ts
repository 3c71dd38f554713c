/** The files of the project as text, for the tests that read the rules of the tree off them. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')
/** The rooms of the product, and the tests. */
export const ROOMS = ['core', 'aws', 'lambdas', 'hosts', 'local', 'bench', 'lib', 'cli', 'docs'] as const
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm

export function filesOf(room: string): string[] {
  if (!isThere(room)) return []
  return globSync(`${room}/**/*.ts`, { cwd: ROOT }).sort()
}

/** Every document, and the model of the protocol. */
export function documents(): string[] {
  const patterns = ['*.md', 'docs/**/*.{md,pml}', 'hosts/**/*.md', 'examples/**/*.md']
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).sort()
}

export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path))
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** The file without its comments: they may name things that the code must not use. */
export function code(file: string): string {
  return read(file).replace(COMMENT, '')
}

export function commentsOf(file: string): string {
  return [...read(file).matchAll(COMMENT)].map(([comment]) => comment).join('\n')
}

/** The files of ours that a file imports, by their path from the root. */
export function importsOf(file: string): string[] {
  const specifiers = [...code(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)]
  return specifiers.map(([, specifier]) => normalize(join(dirname(file), specifier ?? '')))
}
