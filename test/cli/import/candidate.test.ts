import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inOrder } from '../../../cli/import/candidate.ts'

async function* numbers() {
  yield* [1, 2, 3]
}

test('an error of a later item is thrown in its turn, and is handled until then', async () => {
  const unhandled: unknown[] = []
  const hear = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', hear)
  const first = Promise.withResolvers<string>()
  const results = inOrder(numbers(), 3, (item) =>
    item === 1 ? first.promise : Promise.reject(new Error(`item ${item}`)),
  )

  const reading = results.next()
  await new Promise((resolve) => setImmediate(resolve))
  first.resolve('done')
  const got = await reading
  process.off('unhandledRejection', hear)

  assert.deepEqual(unhandled, [])
  assert.equal(got.value, 'done')
  await assert.rejects(results.next(), /item 2/)
})
