/** `npm run takeovers`: a host dies at every request of a conversation, and of a first link, in every way.
 *  Prints each run, and ends with 1 when a message was lost, a session broken, or a linked device left
 *  without its credentials. */
import { linkBy } from './first-link.ts'
import type { Death } from './mortal-host.ts'
import { allDeaths, conversationOn, isBad, isBrokenLink, settledDevice, type Walked, walk } from './walk.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Prints each run as it ends. @returns the runs */
async function go<Result extends { readonly requests: number }>(
  what: string,
  run: (death?: Death) => Promise<Result>,
  isBroken: (walked: Walked<Result>) => boolean,
): Promise<Walked<Result>[]> {
  const { requests } = await run()
  const deaths = allDeaths(requests)
  say(`${what}: ${requests} requests, ${deaths.length} deaths`)
  return walk(run, deaths, (walked) => {
    const { atRequest, how } = walked.death
    say(
      `${what}, request ${atRequest}, ${how}: ${isBroken(walked) ? JSON.stringify(walked) : 'nothing lost'}`,
    )
  })
}

const snapshot = await settledDevice()
const conversations = await go('conversation', conversationOn(snapshot), isBad)
const links = [
  ...(await go('link by QR', linkBy('qr'), isBrokenLink)),
  ...(await go('link by code', linkBy('code'), isBrokenLink)),
]
snapshot.remove()

const bad = conversations.filter(isBad).length + links.filter(isBrokenLink).length
const twice = conversations.reduce((sum, run) => sum + ('twice' in run ? run.twice.length : 0), 0)
const again = links.filter((run) => 'ended' in run && run.ended !== 'connected').length
say(`${bad} of ${conversations.length + links.length} runs lost something`)
say(
  `${twice} messages were handed over twice; ${again} devices have to be linked again, and the phone shows none`,
)
process.exit(bad === 0 ? 0 : 1)
