/** `npm run takeovers`: a host dies at every request of a conversation, in every way. Prints each run, and ends with 1 when a
 *  message was lost or a session broken. */
import { countRequests, isBad, settledDevice, WAYS_TO_DIE, walk } from './walk.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)

const snapshot = await settledDevice()
const requests = await countRequests(snapshot)
const deaths = Array.from({ length: requests }, (_, at) => at + 1).flatMap((atRequest) =>
  WAYS_TO_DIE.map((how) => ({ atRequest, how })),
)
say(`${requests} requests, ${deaths.length} deaths`)
const walked = await walk(snapshot, deaths, (run) => {
  const { atRequest, how } = run.death
  say(`request ${atRequest}, ${how}: ${isBad(run) ? JSON.stringify(run) : 'nothing lost'}`)
})
const bad = walked.filter(isBad)
const twice = walked.reduce((sum, run) => sum + ('twice' in run ? run.twice.length : 0), 0)
say(`${bad.length} of ${walked.length} runs lost something; ${twice} messages were handed over twice`)
snapshot.remove()
process.exit(bad.length === 0 ? 0 : 1)
