/** The requests of the control plane to a live server, each one conditional write on the server's row. The
 *  server reads a request in the answer to its next beat. Nothing here writes `state`, `beat` or `load`:
 *  core/protocol/membership.ts does. */
import type { ServerId } from '../ids.ts'
import { stateIsLive } from '../protocol/membership.ts'
import type { ServerItem, ServerRow } from '../store/server-row.ts'
import { type Store, when } from '../store/store.ts'

const server = when<ServerItem>()

/** Gives the server its share of the connects that the fleet may do.
 *  @returns false when the share has changed since the row was read, or the server is gone */
export async function giveConnectShare(
  store: Store,
  read: Pick<ServerRow, 'serverId' | 'connectShare'>,
  perSecond: number,
): Promise<boolean> {
  const { serverId, connectShare } = read
  const given = await store.update(
    'Servers',
    { serverId },
    {
      set: { connectShare: perSecond },
      when: [
        stateIsLive,
        connectShare === undefined
          ? server.absent('connectShare')
          : server.equals('connectShare', connectShare),
      ],
    },
  )
  return given !== undefined
}

/** Tells the server how many of its devices may move when they lose their socket anyway.
 *  @returns false when the surplus has changed since the row was read, since the server takes from it, or the
 *  server is gone */
export async function offerSurplus(
  store: Store,
  read: Pick<ServerRow, 'serverId' | 'surplus'>,
  surplus: number,
): Promise<boolean> {
  const offered = await store.update(
    'Servers',
    { serverId: read.serverId },
    {
      ...(surplus > 0 ? { set: { surplus } } : { remove: ['surplus'] }),
      when: [
        stateIsLive,
        read.surplus === undefined ? server.absent('surplus') : server.equals('surplus', read.surplus),
      ],
    },
  )
  return offered !== undefined
}

/** The server's own write: takes one device from its surplus.
 *  @returns false when no surplus is left, or the server is not active any more */
export async function takeFromSurplus(store: Store, me: ServerId): Promise<boolean> {
  const taken = await store.update(
    'Servers',
    { serverId: me },
    { add: { surplus: -1 }, when: [server.equals('state', 'active'), server.atLeast('surplus', 1)] },
  )
  return taken !== undefined
}

/** Tells a draining server whether it leaves the fleet when it has no devices any more. */
export async function setThenLeave(store: Store, serverId: ServerId, thenLeave: boolean): Promise<void> {
  await store.update(
    'Servers',
    { serverId },
    {
      ...(thenLeave ? { set: { thenLeave } } : { remove: ['thenLeave'] }),
      when: [server.equals('state', 'draining'), server.absent('leaving')],
    },
  )
}
