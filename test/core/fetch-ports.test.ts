import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isForbiddenPort } from '../../core/fetch-ports.ts'

test('the list has exactly the ports to which fetch never connects', async () => {
  const whyNot = (port: number) =>
    fetch(`http://127.0.0.1:${port}`, { method: 'HEAD', signal: AbortSignal.timeout(2000) }).then(
      () => 'answered',
      (error: Error) => (error.cause instanceof Error ? error.cause.message : error.message),
    )
  const privileged = Array.from({ length: 1100 }, (_, at) => at + 1)
  const ports = [
    ...privileged,
    1719,
    1720,
    1723,
    2049,
    3659,
    4045,
    4190,
    5060,
    5061,
    6000,
    6566,
    6665,
    6669,
    6679,
  ]
  const all = [...ports, 6697, 10_080, 3000, 8080, 8443, 5000]
  const forbidden: number[] = []
  for (const port of all) if ((await whyNot(port)) === 'bad port') forbidden.push(port)
  assert.deepEqual(all.filter(isForbiddenPort), forbidden)
})
