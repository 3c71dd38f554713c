import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { storyOf, takeOver } from './signal-scene.ts'

describe('a sender key of whatsmeow, taken over by Baileys', () => {
  test("reads the sender's next messages in the group, the overtaken one too", async () => {
    const { ours: mine, theirs: other, next } = storyOf('group')
    const ours = await takeOver(mine)
    const theirs = await takeOver(other)

    const read: string[] = []
    for (const message of next) read.push(await ours.read(theirs, message))

    assert.deepEqual(read, ['overtaken', '4', '5'])
  })

  test('goes on with its own key, which the group knows already', async () => {
    const { ours: mine, theirs: other } = storyOf('group')
    const ours = await takeOver(mine)
    const theirs = await takeOver(other)

    const first = await ours.writeToGroup('3')
    const second = await ours.writeToGroup('4')

    assert.equal(await theirs.read(ours, first), '3')
    assert.equal(await theirs.read(ours, second), '4')
  })
})
