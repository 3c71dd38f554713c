import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Validations } from 'aws-cdk-lib'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { mooringApp } from '../../lib/app.ts'

const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'))

function appWith(mooring: Record<string, unknown>) {
  const outdir = mkdtempSync(join(tmpdir(), 'mooring-nag-'))
  const { app, stack } = mooringApp({
    outdir,
    context: { ...context, mooring, 'aws:cdk:bundling-stacks': [] },
  })
  return { app, stack, outdir }
}

/** The findings of the validation, which makes `synth` throw. */
function report(outdir: string): string {
  const [file] = readdirSync(outdir).filter((name) => name.includes('validation-report'))
  assert.ok(file, 'no validation report was written')
  return readFileSync(join(outdir, file), 'utf8')
}

const PRIVATE = { network: 'private', hostImage: 'example.org/mooring:1', alarmEmail: 'on@call.example' }

describe('the AwsSolutions rules of cdk-nag', () => {
  for (const mooring of [{}, PRIVATE]) {
    test(`pass with ${JSON.stringify(mooring)}`, () => {
      const { app } = appWith(mooring)
      assert.doesNotThrow(() => app.synth())
    })
  }

  test('are in force: a topic that takes plain HTTP is found', () => {
    const { app, stack, outdir } = appWith({})
    new Topic(stack, 'Careless')
    assert.throws(() => app.synth(), /Validation failed/)
    assert.match(report(outdir), /AwsSolutions-SNS3/)
  })

  test('are acknowledged only with a reason', () => {
    const { app } = appWith({})
    const acknowledged = app.node.findAll().flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.entries(data as Record<string, string>))
        .filter(([rule]) => rule.includes('AwsSolutions')),
    )
    assert.ok(acknowledged.length > 0)
    for (const [rule, reason] of acknowledged) assert.ok(reason.length >= 40, `${rule}: ${reason}`)
  })
})
