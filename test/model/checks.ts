/** The questions for spin about docs/model/mooring.pml: the protocol must hold, and each mutant of it must be
 *  found. */

/** `holds`: no violation in any reachable state. `found`: spin finds a violation, or a sought state. */
export type Expectation = 'holds' | 'found'

export interface Check {
  readonly name: string
  readonly expected: Expectation
  /** `ci` checks small sizes, `full` large ones. Mutants are in both. */
  readonly runs: readonly ('ci' | 'full')[]
  readonly about: string
  /** Switches of the model. */
  readonly defines: Readonly<Record<string, number | true>>
}

type Defines = Check['defines']

const everything: Defines = {
  AUTH: true,
  CHECK_EXCLUSIVE: true,
  CHECK_BURIED: true,
  CHECK_OWNER: true,
  CHECK_FENCING: true,
}
const sockets: Defines = { CHECK_EXCLUSIVE: true, CHECK_BURIED: true, CHECK_OWNER: true }
/** The rules that hold even when a freeze lasts for ever. */
const residue: Defines = {
  AUTH: true,
  UNBOUNDED_FREEZE: true,
  CHECK_RUNNING_EXCLUSIVE: true,
  CHECK_OWNER: true,
  CHECK_FENCING: true,
}
/** Fence and bury time in ticks. The longest freeze is one tick. */
const ticks = (fence: number, bury: number): Defines => ({ FENCE_AFTER: fence, BURY_AFTER: bury })

const held = (name: string, run: 'ci' | 'full', about: string, ...defines: readonly Defines[]): Check => ({
  name,
  expected: 'holds',
  runs: [run],
  about,
  defines: Object.assign({}, ...defines),
})
const found = (name: string, about: string, ...defines: readonly Defines[]): Check => ({
  name,
  expected: 'found',
  runs: ['ci', 'full'],
  about,
  defines: Object.assign({}, ...defines),
})
const twoSockets: Defines = { CHECK_EXCLUSIVE: true }
const staleWrite: Defines = { AUTH: true, CHECK_FENCING: true }

export const CHECKS: readonly Check[] = [
  held('base, small', 'ci', 'the protocol: fence after 1 tick, bury after 3', everything, ticks(1, 3)),
  held(
    'endless freeze, small',
    'ci',
    'freezes of any length: no two running servers have a socket, no stale write',
    residue,
    ticks(1, 3),
  ),
  held('base', 'full', 'the protocol: fence after 2 ticks, bury after 4', everything, ticks(2, 4)),
  held(
    'base, finer ticks',
    'full',
    'fence after 4 ticks, bury after 6; without the auth state, which decides about no socket',
    sockets,
    ticks(4, 6),
  ),
  held(
    'endless freeze',
    'full',
    'freezes of any length: no two running servers have a socket, no stale write',
    residue,
    ticks(2, 4),
  ),
  found('failover', 'not a mutant: a server connects while the one buried before it still exists', {
    CHECK_FAILOVER: true,
  }),
  found('validity from the answer', 'the lease counts from the answer, not from the send', twoSockets, {
    FROM_ANSWER: true,
  }),
  found('bury without the beat', 'bury does not ask whether the beat is still the same', twoSockets, {
    BURY_UNCONDITIONED: true,
  }),
  found('no lease check', 'the socket is opened without a last look at the lease', twoSockets, {
    OPEN_UNCHECKED: true,
  }),
  found('no margin', 'bury time = fence time', twoSockets, ticks(2, 2)),
  found('a freeze as the margin', 'bury time = fence time + the longest freeze', twoSockets, ticks(2, 3)),
  found('forced move', 'a device is taken from a live server', twoSockets, { FORCED_MOVE: true }),
  found('claim of an owned device', 'claim does not ask whether there is an owner', twoSockets, {
    CLAIM_UNCONDITIONED: true,
  }),
  found('owner not through none', 'the same; sought is the change of owner itself', {
    CHECK_OWNER: true,
    CLAIM_UNCONDITIONED: true,
  }),
  found('permit for anybody', 'permit does not ask who is the owner', twoSockets, {
    PERMIT_UNCONDITIONED: true,
  }),
  found('release before close', 'release is sent while the socket is open', twoSockets, {
    RELEASE_EARLY: true,
  }),
  found('release without epoch', 'a release that arrives late ends a newer permit', twoSockets, {
    RELEASE_UNCONDITIONED: true,
  }),
  found('endless freeze, sockets', 'the known residue: a frozen server cannot close its socket', twoSockets, {
    UNBOUNDED_FREEZE: true,
  }),
  found('endless freeze, no epoch', 'and its auth writes are accepted without the epoch fence', staleWrite, {
    UNBOUNDED_FREEZE: true,
    NO_EPOCH_FENCE: true,
  }),
  found('plain read', 'the auth state is read without raising its epoch', staleWrite, { PLAIN_READ: true }),
]

/** The same check with the smallest times, unless it is about times. Its violations are the easiest to
 *  read. */
export const smallest = (check: Check): Check => ({ ...check, defines: { ...ticks(1, 3), ...check.defines } })
