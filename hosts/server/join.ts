/** Joins the fleet: takes the server's name and URL, and makes it active. */
import { sleep } from '../../core/clock.ts'
import { MooringError } from '../../core/errors.ts'
import type { ServerId } from '../../core/ids.ts'
import { activate, hold } from '../../core/protocol/membership.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import type { HostWorld } from '../world.ts'

const LOOK_EVERY_MS = 500
/** The sweep gets this much longer than the bury time to bury a silent holder. */
const PATIENCE_MS = 15_000

/** Waits while the holder of the name or the URL is silent, since it may soon be buried. A server that is
 *  restarted after a crash finds its own former run. The server has announced its row and beats.
 *  @returns undefined when the server was asked to leave meanwhile
 *  @throws MooringError SERVER_NAME_TAKEN | SERVER_URL_TAKEN as soon as the holder is seen to live
 *  @throws MooringError SERVER_DEAD */
export async function join(
  world: HostWorld,
  me: { serverId: ServerId; name: string; url: string },
  until: AbortSignal,
): Promise<ServerRow | undefined> {
  await take(world, 'name', me.name, me.serverId, until)
  await take(world, 'url', me.url, me.serverId, until)
  // A server that was asked to leave while it waited may hold neither, and must not become active.
  return until.aborted ? undefined : activate(world.store, me.serverId)
}

async function take(world: HostWorld, kind: 'name' | 'url', value: string, me: ServerId, until: AbortSignal) {
  const begun = world.clock.mark()
  const first = await hold(world.store, kind, value, me)
  if (!first) return
  let holder: ServerRow | undefined = first
  while (holder && !until.aborted) {
    const beats = holder.serverId === first.serverId && holder.beat > first.beat
    const waitedMs = world.clock.elapsedMs(begun)
    if (beats || waitedMs > world.settings.buryAfterMs + PATIENCE_MS)
      throw taken(kind, value, holder, beats, waitedMs)
    await sleep(world.clock, LOOK_EVERY_MS, until)
    holder = await hold(world.store, kind, value, me)
  }
}

function taken(
  kind: 'name' | 'url',
  value: string,
  holder: ServerRow,
  beats: boolean,
  waitedMs: number,
): MooringError {
  const variable = kind === 'name' ? 'SERVER_NAME' : 'SERVER_URL'
  const state = beats
    ? `which beats: stop it, or give this server another ${kind === 'name' ? 'name' : 'URL'}`
    : `silent for ${Math.round(waitedMs / 1000)} s but not buried: is the sweep running?`
  return new MooringError(
    kind === 'name' ? 'SERVER_NAME_TAKEN' : 'SERVER_URL_TAKEN',
    `${variable} "${value}" is held by server "${holder.serverId}" ` +
      `(name "${holder.name}", URL ${holder.url}), ${state}`,
    { holder: holder.serverId },
  )
}
