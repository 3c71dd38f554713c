/** Sends generated damage over a device's socket. */
import { setImmediate as breathe } from 'node:timers/promises'
import { S_WHATSAPP_NET } from '@whiskeysockets/baileys'
import { sleep } from '../../core/clock.ts'
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import { type Damage, type DamageOptions, makeDamageSource } from './damage/generator.ts'
import { type HandshakeDamage, handshakeDamage } from './damage/handshake.ts'
import type { Cast } from './damage/sample.ts'
import { bundleOfDevice } from './key-bundles.ts'
import type { LoginPhase } from './misdeeds.ts'
import { DEFAULT_CONTACT } from './phones.ts'
import { node } from './stanzas.ts'
import type { World } from './world.ts'

/** Constant, so that a seed gives the same damage on every day. */
const SENT_AT = '1764194400'
const GROUP = '120363000000000000@g.us'
const NEWCOMER = { jid: '15550100100:1@s.whatsapp.net', lid: '100015550100100:1@lid' }

export interface Pace {
  /** The time between two damages; by default none. */
  readonly everyMs?: number | undefined
  /** How long to wait after each damage for a sign of life. Without a sign the socket is cut, and no
   *  further damage is sent. */
  readonly probeMs?: number | undefined
}

export interface Inflicted {
  /** `outcome` is there when the damage was probed. */
  readonly sent: readonly { readonly index: number; readonly name: string; readonly outcome?: Outcome }[]
  /** Where to continue: `from` of the next call. */
  readonly next: number
  /** The socket was gone before everything was sent. */
  readonly cutShort: boolean
}

/** `ended`: the socket is gone. `silent`: the socket is open, and the client does not answer. */
export type Outcome = 'alive' | 'ended' | 'silent'

export interface Inflict {
  /** Sends damage over the live socket, one after the other.
   *  @throws Error when a phone cannot encrypt for the device */
  now(connection: Connection, account: Account, options: DamageOptions, pace?: Pace): Promise<Inflicted>
  /** If a misdeed asks for it, sends damage at once, before anything else.
   *  @returns whether damage was sent */
  atLogin(phase: LoginPhase, connection: Connection, account: Account | undefined): boolean
  atHello(account: Account | undefined): HandshakeDamage | undefined
}

export function makeInflict(world: World): Inflict {
  const damages = makeDamageSource()

  const send = async (connection: Connection, account: Account, damage: Damage) => {
    if (damage.layer !== 'message') return connection.inject(damage.layer, damage.bytes)
    const contact = world.phones.withNumber(DEFAULT_CONTACT)
    const { type, ciphertext } = await contact.signal.encrypt(account.jid, damage.plaintext, () =>
      bundleOfDevice(world, account),
    )
    const attrs = { from: contact.jid, type: 'text', id: `DAMAGE-${damage.index}`, t: SENT_AT }
    connection.send(node('message', attrs, [node('enc', { v: '2', type }, ciphertext)]))
  }

  /** A call without content is a probe: every client acknowledges it, and does so even while it works on
   *  other stanzas. */
  const probe = async (connection: Connection, { index }: Damage, probeMs: number): Promise<Outcome> => {
    const id = `PROBE-${connection.id}-${index}`
    const sign = world.answers.expect(connection, id).then(
      () => 'alive' as const,
      () => 'ended' as const,
    )
    connection.send(node('call', { from: S_WHATSAPP_NET, id, t: SENT_AT }))
    const outcome = await Promise.race([sign, sleep(world.clock, probeMs).then(() => 'silent' as const)])
    if (outcome === 'silent') connection.cut('fin')
    return outcome
  }

  return {
    async now(connection, account, options, { everyMs, probeMs } = {}) {
      const sent: { index: number; name: string; outcome?: Outcome }[] = []
      const wanted = damages(options, castOf(world, account))
      for (const damage of wanted) {
        if (!connection.isOpen()) break
        await send(connection, account, damage)
        const { index, name } = damage
        const sign = probeMs === undefined ? undefined : await probe(connection, damage, probeMs)
        await (everyMs === undefined ? breathe() : sleep(world.clock, everyMs))
        // A client may still answer before the damage ends its socket.
        const outcome = sign === 'alive' && !connection.isOpen() ? 'ended' : sign
        sent.push({ index, name, ...(outcome && { outcome }) })
      }
      return { sent, next: (options.from ?? 0) + sent.length, cutShort: sent.length < wanted.length }
    },
    atLogin(phase, connection, account) {
      const active = world.misdeeds.use('login-damage', account, (misdeed) => misdeed.phase === phase)
      if (!active) return false
      const { damage: options } = active.misdeed
      // Each login gets the next damage in the seed's order.
      const from = (options.from ?? 0) + (active.used - 1) * options.count
      for (const damage of damages({ ...options, from }, castOf(world, account))) {
        if (damage.layer !== 'message') connection.inject(damage.layer, damage.bytes)
        // The login does not wait for this message: the message itself establishes its session.
        else if (account) send(connection, account, damage).catch(() => undefined)
      }
      return true
    },
    atHello(account) {
      const active = world.misdeeds.use('login-damage', account, ({ phase }) => phase === 'hello')
      if (!active) return undefined
      const { seed, from = 0, only } = active.misdeed.damage
      return handshakeDamage(seed, from + active.used - 1, only)
    },
  }
}

function castOf(world: World, account: Account | undefined): Cast {
  const { jid, lid } = account ?? NEWCOMER
  const contact = world.phones.withNumber(DEFAULT_CONTACT)
  return {
    me: jid,
    meLid: lid,
    contact: contact.jid,
    contactLid: `${contact.lidUser}@lid`,
    group: GROUP,
    t: SENT_AT,
  }
}
