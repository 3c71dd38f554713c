/** What the control plane asks of a live server, each one conditional write on its row. The server learns it from the answer
 *  of its next beat. Nothing here writes `state`, `beat` or `load`: core/protocol/membership.ts does. */
import type { ServerId } from '../ids.ts'
import { stateIsLive } from '../protocol/membership.ts'
import type { ServerItem, ServerRow } from '../store/server-row.ts'
import { type Store, when } from '../store/store.ts'

const server = when<ServerItem>()

/** Gives the server its share of the connects that the fleet may do, unless somebody has given it another one since it was
 *  read. It learns it from the answer of its next beat. */
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

/** Tells the server how many of its devices may move when they lose their socket anyway, unless that has changed since it
 *  was read: the server takes from it. */
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

/** Takes one device from the server's surplus, for itself.
 *  @returns false when there is none left, or the server takes part in the fleet no more */
export async function takeFromSurplus(store: Store, me: ServerId): Promise<boolean> {
  const taken = await store.update(
    'Servers',
    { serverId: me },
    { add: { surplus: -1 }, when: [server.equals('state', 'active'), server.atLeast('surplus', 1)] },
  )
  return taken !== undefined
}

/** Whether a draining server shall leave the fleet when it has no devices any more. */
export async function wishThenLeave(store: Store, serverId: ServerId, thenLeave: boolean): Promise<void> {
  await store.update(
    'Servers',
    { serverId },
    {
      ...(thenLeave ? { set: { thenLeave } } : { remove: ['thenLeave'] }),
      when: [server.equals('state', 'draining'), server.absent('leaving')],
    },
  )
}
