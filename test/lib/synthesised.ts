/** The stack as CloudFormation would get it. Bundles are made only by `synthesiseBundles`. */
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Template } from 'aws-cdk-lib/assertions'
import { mooringApp } from '../../lib/app.ts'

const CDK_JSON = new URL('../../cdk.json', import.meta.url)

export interface Resource {
  readonly Type: string
  // biome-ignore lint/suspicious/noExplicitAny: the properties of a template are what each test says they are
  readonly Properties: Record<string, any>
  readonly DeletionPolicy?: string
}

export function synthesise(mooring: Record<string, unknown> = {}): Template {
  const { context } = JSON.parse(readFileSync(CDK_JSON, 'utf8'))
  const { stack } = mooringApp({ context: { ...context, mooring, 'aws:cdk:bundling-stacks': [] } })
  return Template.fromStack(stack)
}

/** The bundles that the stack would upload: the folder of the code of each function. */
export function synthesiseBundles(names: readonly string[]): Map<string, string> {
  const { context } = JSON.parse(readFileSync(CDK_JSON, 'utf8'))
  const outdir = mkdtempSync(join(tmpdir(), 'mooring-bundles-'))
  const { stack } = mooringApp({ outdir, context: { ...context, mooring: { hostImage: 'none' } } })
  const template = Template.fromStack(stack)
  return new Map(
    names.map((name) => {
      const { Code } = one(template, 'AWS::Lambda::Function', functionId(name)).Properties
      return [name, join(outdir, `asset.${Code.S3Key.replace('.zip', '')}`)]
    }),
  )
}

/** The resources of a type whose logical id begins with `idBegins`. */
export function find(template: Template, type: string, idBegins = ''): [string, Resource][] {
  const found = Object.entries(template.findResources(type)) as [string, Resource][]
  return found.filter(([id]) => id.startsWith(idBegins))
}

export function one(template: Template, type: string, idBegins = ''): Resource {
  const [first, ...others] = find(template, type, idBegins)
  if (!first || others.length > 0)
    throw new Error(`${others.length + (first ? 1 : 0)} of ${type} ${idBegins}`)
  return first[1]
}

/** @returns the beginning of the logical ids of a function */
export function functionId(name: string): string {
  const folder = name === 'first-key' ? 'FirstKey' : 'Functions'
  return folder + name.replace(/[^a-z]/g, '')
}
