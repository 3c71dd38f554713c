/**
 * `npm run rehearse`: deploys the stack to moto's server on this machine with the real `cdk deploy`, and
 * then uses it.
 * A person or CI runs it where Python is found; it needs neither an AWS account nor Docker.
 * It must never reach AWS: every variable that could lead there is set to the address of the server.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pythonPrograms, ROOT, run, startMoto, type Variables, works } from './commands.ts'
import { useApi, useFirstKey, useTaskControl } from './uses.ts'

const ACCOUNT = '123456789012'
const REGION = 'eu-west-1'
const OUT = join(ROOT, '.mooring/rehearsal')
const MOTO_LOG = join(OUT, 'moto.log')
/** moto neither takes images nor runs them, so any name will do. */
const IMAGE = 'example.org/mooring:rehearsal'
const CONFIGURATIONS = [{}, { network: 'private', alarmEmail: 'on@call.example', removalPolicy: 'destroy' }]

let passed = 0
async function step(what: string, act: () => unknown): Promise<void> {
  const begun = performance.now()
  await act()
  passed++
  process.stdout.write(`ok  ${what} (${((performance.now() - begun) / 1000).toFixed(1)} s)\n`)
}

async function main(): Promise<void> {
  const bin = pythonPrograms()
  if (!bin) {
    process.stdout.write('No python3 with venv here: the rehearsal is left out.\n')
    return
  }
  mkdirSync(OUT, { recursive: true })
  for (const [number, configuration] of CONFIGURATIONS.entries()) {
    await step(`cfn-lint finds nothing with ${JSON.stringify(configuration)}`, () =>
      lint(bin, number, configuration),
    )
  }
  await image()
  const port = await freePort()
  const aws = variablesFor(port)
  const moto = await startMoto(bin, port, MOTO_LOG, aws)
  try {
    await rehearse(aws)
  } finally {
    moto.kill()
  }
  tellWhatMotoLacks()
  process.stdout.write(`${passed} passed, 0 failed\n`)
}

function lint(bin: string, number: number, configuration: object): void {
  const folder = join(OUT, `template-${number}`)
  run('npx', ['cdk', 'synth', '--quiet', '-o', folder, '-c', `mooring=${JSON.stringify(configuration)}`])
  // W3005: CDK writes every dependency, also one that a reference implies.
  run(join(bin, 'cfn-lint'), ['--ignore-checks', 'W3005', '--', join(folder, 'Mooring.template.json')])
}

async function image(): Promise<void> {
  if (works('docker', ['info'])) {
    await step('the image of the servers is built', () =>
      run('docker', ['build', '-q', '-f', 'hosts/Dockerfile', '-t', 'mooring-host:rehearsal', '.']),
    )
  } else {
    process.stdout.write(
      '--  no Docker engine: the image is not built (test/lib/image-layout.long.test.ts starts its layout)\n',
    )
  }
  process.stdout.write(`--  for the deployment a named image takes its place: hostImage = ${IMAGE}\n`)
}

async function rehearse(aws: Variables): Promise<void> {
  const cdk = (...args: string[]) =>
    run('npx', ['cdk', ...args, '-o', join(OUT, 'deployed'), '-c', `mooring={"hostImage":"${IMAGE}"}`], aws)
  await step('cdk bootstrap', () => cdk('bootstrap', `aws://${ACCOUNT}/${REGION}`))
  await step('cdk deploy: assets and stack', () => cdk('deploy', '--require-approval', 'never'))
  await step('cdk deploy again changes nothing', () =>
    assert.match(
      cdk('deploy', '--require-approval', 'never', '--outputs-file', join(OUT, 'outputs.json')),
      /Mooring/,
    ),
  )
  Object.assign(process.env, aws)
  let apiKey = ''
  await step('the first API key is in its secret, and its hash in the table', async () => {
    apiKey = await useFirstKey()
  })
  await step('the deployed authorizer and api take a device with that key and give it a server', () =>
    useApi(apiKey),
  )
  await step('task control stops a task, and reads and raises the size of the service', useTaskControl)
}

function variablesFor(port: number): Variables {
  return {
    AWS_ENDPOINT_URL: `http://localhost:${port}`,
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}

function tellWhatMotoLacks(): void {
  const log = readFileSync(MOTO_LOG, 'utf8')
  const types = [...log.matchAll(/No Moto CloudFormation support for (\S+)/g)].map(([, type]) => type)
  process.stdout.write(`--  moto does not create: ${[...new Set(types)].sort().join(', ')}\n`)
  process.stdout.write(
    '--  moto does not check IAM, resolve secrets in variables, run tasks or protect them\n',
  )
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.stdout.write(`${passed} passed, 1 failed\n`)
  process.exit(1)
})
