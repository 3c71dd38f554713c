import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { storyOf, takeOver } from './signal-scene.ts'

describe('a session of whatsmeow, taken over by Baileys', () => {
  for (const name of ['unanswered', 'talked', 'theirs', 'renewed', 'long']) {
    test(`reads the contact's next messages, and is read by the contact: ${name}`, async () => {
      const story = storyOf(name)
      const ours = await takeOver(story.ours)
      const theirs = await takeOver(story.theirs)
      const next = story.next.filter(({ text }) => text !== 'overtaken')

      const read: string[] = []
      for (const message of next) read.push(await ours.read(theirs, message))
      const answers = [await ours.write(theirs, 'one'), await ours.write(theirs, 'two')]
      const readThere: string[] = []
      for (const answer of answers) readThere.push(await theirs.read(ours, answer))
      const back = await ours.read(theirs, await theirs.write(ours, 'three'))

      assert.deepEqual(
        read,
        next.map(({ text }) => text),
      )
      assert.deepEqual(readThere, ['one', 'two'])
      assert.equal(back, 'three')
    })
  }

  test('goes on when it speaks first, before the contact does', async () => {
    const story = storyOf('unanswered')
    const ours = await takeOver(story.ours)
    const theirs = await takeOver(story.theirs)

    const message = await ours.write(theirs, 'still there?')

    assert.equal(message.type, 'pkmsg')
    assert.equal(await theirs.read(ours, message), 'still there?')
  })

  test('counts the messages that were overtaken, and cannot read them', async () => {
    const story = storyOf('talked')
    const ours = await takeOver(story.ours)
    const theirs = await takeOver(story.theirs)
    const overtaken = story.next.find(({ text }) => text === 'overtaken')
    assert.ok(overtaken)

    assert.equal(ours.overtaken, 1)
    await assert.rejects(ours.read(theirs, overtaken))
  })
})
