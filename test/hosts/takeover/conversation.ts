/** A conversation of a device with its contacts while its hosts die: the present owner goes on with it. The
 *  result says what arrived. */
import { hostsInTurn } from './hosts-in-turn.ts'
import { deviceRow, type LinkedDevice, PHONE, until } from './linked-device.ts'
import type { Death } from './mortal-host.ts'

/** This contact and the device have heard each other before the snapshot. */
export const FRIEND = '15550100101'
/** This contact writes to the device first. */
const CALLER = '15550100102'
/** The device writes to this contact first. */
const CALLED = '15550100103'

export interface Outcome {
  /** Texts that the phones sent to the device and no consumer got. */
  readonly lostInbound: string[]
  /** Texts that the device sent and the phone did not get. */
  readonly lostOutbound: string[]
  /** Texts that a consumer got more than once. */
  readonly twice: string[]
  readonly undecryptable: number
  readonly nacked: number
  readonly retries: number
  readonly queued: number
  /** Requests that the first host made before the goodbyes. */
  readonly requests: number
  /** Errors on the way, for the reader of a failure. */
  readonly faults: string[]
}

export async function converse(device: LinkedDevice, death?: Death): Promise<Outcome> {
  const talk = await begin(device, death)
  try {
    await sayEverything(talk)
    const requests = talk.requests()
    await sayGoodbye(talk)
    return { ...(await talk.outcome()), requests }
  } finally {
    talk.end()
  }
}

type Talk = Awaited<ReturnType<typeof begin>>

/** Both directions, one after the other and at once; contacts that are known, that write first, and that are
 *  written to. */
async function sayEverything(talk: Talk): Promise<void> {
  await talk.hears(FRIEND, 'in 1')
  await talk.says(FRIEND, 'out 1')
  await talk.hears(CALLER, 'in 2, the first of its sender')
  await talk.says(CALLER, 'out 2')
  await talk.says(CALLED, 'out 3, the first to this contact')
  await talk.hears(CALLED, 'in 3')
  await Promise.all([
    talk.says(FRIEND, 'out 4'),
    talk.hears(FRIEND, 'in 4'),
    talk.hears(CALLER, 'in 5'),
    talk.says(CALLED, 'out 5'),
  ])
  await Promise.all([talk.hears(FRIEND, 'in 6'), talk.hears(FRIEND, 'in 7')])
}

/** At the end every session must still be good in both directions. */
async function sayGoodbye(talk: Talk): Promise<void> {
  for (const contact of [FRIEND, CALLER, CALLED]) {
    await talk.hears(contact, `last in of ${contact}`)
    await talk.says(contact, `last out to ${contact}`)
  }
}

async function begin(device: LinkedDevice, death: Death | undefined) {
  const { simulator, store } = device
  const sent: string[] = []
  const texted: string[] = []
  async function textFrom(from: string, text: string): Promise<void> {
    texted.push(text)
    await simulator.text(PHONE, text, from)
  }
  const heard = async (text: string) => {
    await until(
      `"${text}" at the consumer`,
      async () => hosts.got.includes(text),
      () => state(),
    )
  }
  const hosts = await hostsInTurn(device, death, {
    orphaned: () => textFrom(FRIEND, 'while nobody listens'),
    goesOn: () => heard('while nobody listens'),
  })
  const { first, got, faults } = hosts
  const state = () => ({ got, faults, messages: simulator.report().messages, host: hosts.present().name })

  return {
    async hears(from: string, text: string): Promise<void> {
      await textFrom(from, text)
      await heard(text)
    },
    /** Sends as an application does: again under the same id until a server has confirmed it. */
    async says(to: string, text: string): Promise<void> {
      sent.push(text)
      const messageId = `ID-${sent.length}-${text.replaceAll(/\W/g, '')}`
      await until(
        `"${text}" sent`,
        async () => {
          const { connection, died } = hosts.present()
          const confirmed = connection.send({ to, text, messageId }).then(
            () => true,
            () => false,
          )
          return Promise.race([confirmed, died.then(() => false)])
        },
        () => state(),
      )
    },
    requests: () => first.requests(),
    async outcome(): Promise<Omit<Outcome, 'requests'>> {
      if (death) await hosts.takenOver()
      const account = () => simulator.accounts()[0]
      await until(
        'an empty queue',
        async () => account()?.queued === 0,
        () => state(),
      )
      await until('connected', async () => (await deviceRow(store))?.status === 'connected')
      const { undecryptable, nacked, retries } = simulator.report().messages
      const arrived = simulator.received(PHONE).map(({ text }) => text)
      return {
        lostInbound: texted.filter((text) => !got.includes(text)),
        lostOutbound: sent.filter((text) => !arrived.includes(text)),
        twice: got.filter((text, at) => got.indexOf(text) !== at),
        undecryptable,
        nacked,
        retries,
        queued: account()?.queued ?? 0,
        faults: [...faults],
      }
    },
    end: hosts.end,
  }
}
