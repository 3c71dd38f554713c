/** `npm run chaos:logins`: freezes servers in the middle of their logins, many times, and measures the
 *  result. */
import { parseArgs } from 'node:util'
import type { DeviceId } from '../../core/ids.ts'
import { startTestFleet, type TestFleet } from '../fleet/fleet-under-test.ts'
import { freezeAmongLogins, holdLogins, type Round } from './frozen-login.ts'
import { startVictims } from './victims.ts'

const HELP = `Freezes a server in the middle of its logins until another server has taken over, and measures the window
that is left.

npm run chaos:logins -- [options]
  --rounds N     rounds of each kind (5): a sudden freeze, and a freeze with the last frame of each login held up
  --devices N    devices that log in at the same time (30)
  --help         shows this text`

/** Freezes fall between the first login and the last. A login takes some 30 ms of a processor. */
const FREEZE_WITHIN_MS = 1200

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      devices: { type: 'string', default: '30' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${HELP}\n`)
    return 0
  }
  const [rounds, devices] = [Number(values.rounds), Number(values.devices)]
  const fleet = await startTestFleet({ servers: 0, connectsPerSecond: 200 })
  const victims = startVictims(fleet)
  const stop = () => void victims.close(() => fleet.close()).then(() => process.exit(130))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  try {
    await victims.next()
    const ids = await fleet.linkDevices(devices)
    const sudden: Round[] = []
    for (let round = 0; round < rounds; round++) {
      const afterMs = Math.round((FREEZE_WITHIN_MS * (round + 0.5)) / rounds)
      sudden.push(await freezeAmongLogins(fleet, ids, await victims.next(), afterMs))
      tell(`frozen ${afterMs} ms after the sockets were closed`, sudden.slice(-1))
    }
    const held: Round[] = []
    for (let round = 0; round < rounds; round++) {
      for (const id of ids) await forgive(fleet, id)
      held.push(await holdLogins(fleet, ids, await victims.next()))
      tell('the last frame held up', held.slice(-1))
    }
    tell('all sudden freezes', sudden)
    tell('all freezes with the last frame held up', held)
    return 0
  } finally {
    await victims.close(() => fleet.close())
  }
}

/** Three conflicts within ten minutes stop a device. The rounds represent times that are further apart. */
async function forgive(fleet: TestFleet, id: DeviceId): Promise<void> {
  await fleet.store.update('Devices', { deviceId: id }, { remove: ['conflicts'], when: [] })
}

function tell(what: string, rounds: readonly Round[]): void {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0)
  const healedAfterMs = rounds.flatMap((round) => round.healedAfterMs).sort((one, other) => one - other)
  const at = (share: number) =>
    ((healedAfterMs[Math.floor(share * (healedAfterMs.length - 1))] ?? 0) / 1000).toFixed(1)
  const healed = healedAfterMs.length > 0 ? `; healed after ${at(0.5)} s (p50), ${at(1)} s (max)` : ''
  process.stdout.write(
    `${what}: ${sum((round) => round.replaced)} owners replaced of ${sum((round) => round.devices)} logins${healed}\n`,
  )
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(2)
  },
)
