/*
 * The ownership protocol of Mooring as a model for spin: 2 servers, 2 observers (sweeps), 1 device.
 * `npm run model` checks it. README.md beside this file says what is left out, and why that is sound.
 * core/protocol/ownership.ts has the same operations under the same names.
 *
 * Every step is one d_step, because every decision of the protocol is one conditional write on one item. Spin
 * chooses what comes between two steps: other parties, frozen processes, lost answers, time. It tries everything in
 * every order.
 */

/* In ticks. All limits are closed (<=, >=), so that whole ticks reach all that real time reaches. */
#ifndef FENCE_AFTER
#define FENCE_AFTER 2  /* a server's lease, from the send of its last acknowledged beat */
#endif
#ifndef BURY_AFTER
#define BURY_AFTER 4   /* how long an observer must have seen the same beat */
#endif
#ifndef FREEZE_MAX
#define FREEZE_MAX 1   /* the longest freeze, and the latest a timer may be: less than BURY_AFTER - FENCE_AFTER */
#endif
#ifndef ANSWER_MAX
#define ANSWER_MAX 1   /* a running server waits this long for the answer to a beat */
#endif

#define SERVERS 2
#define OBSERVERS 2
#define NOBODY SERVERS

/* What is in the store, and what is on its way to it. */

/* The device's row. */
byte owner = NOBODY;

/* A server's row, its process, and what it has sent. When nothing names a server any more, the next server takes
 * its place, under a new id. So no run ends for want of servers. */
typedef Server {
  bit inFleet;         /* its row is live: neither `dead` nor `stopped` */
  bit isUp;            /* the process exists */
  unsigned frozen : 3; /* 0: the process runs; n: it has not run for n - 1 ticks */
  unsigned lease : 4;  /* ticks since the send of the last acknowledged beat; FENCE_AFTER: the lease is over */
  unsigned beat : 4;   /* 0: none under way; n: sent n - 1 ticks ago */
  bit beatApplied;     /* only the answer to it is still missing */
  bit releasing;       /* a release is on its way, and its condition on the epoch still holds */
  unsigned doing : 2;
  unsigned mine : 3;   /* the epoch of its permit */
};
Server server[SERVERS];

#define IDLE 0         /* no socket; it asks for a permit, or releases the device, or neither */
#define PERMITTED 1    /* its permit was applied, the answer is on its way */
#define FENCED 2       /* its fencing read was applied, the answer is on its way */
#define OPEN 3         /* it has a socket, or is about to: from the last look at the lease on */

/* What one sweep knows of one server. */
typedef Sighting {
  unsigned since : 4;  /* 0: the beat that is now in the row was not seen; n: first seen n - 1 ticks ago */
  bit burying;         /* a bury is on its way, and its condition on the beat still holds */
};
typedef Sweep { Sighting saw[SERVERS] };
Sweep sweep[OBSERVERS];

#define runs(s) (server[s].isUp && server[s].frozen == 0)
#define leaseValid(s) (server[s].lease < FENCE_AFTER)
#define isOpen(s) (server[s].doing == OPEN)

/* The conditions, and what each mutant makes of them. */

#ifdef FROM_ANSWER
#define renewed(s) 0
#else
#define renewed(s) (server[s].beat - 1 < server[s].lease -> server[s].beat - 1 : server[s].lease)
#endif

#ifdef PERMIT_UNCONDITIONED
#define permitCondition(s) true
#else
#define permitCondition(s) (owner == s)
#endif

#ifdef OPEN_UNCHECKED
#define openCondition(s) true
#else
#define openCondition(s) leaseValid(s)
#endif

#ifdef RELEASE_EARLY
#define releaseCondition(s) (isOpen(s) || server[s].doing == IDLE)
#else
#define releaseCondition(s) (server[s].doing == IDLE)
#endif
#ifdef RELEASE_UNCONDITIONED
#define refuseOlderRelease(s) skip
#else
#define refuseOlderRelease(s) server[s].releasing = 0
#endif

#ifdef BURY_UNCONDITIONED
#define refuseOlderBury(o, s) skip
#else
#define refuseOlderBury(o, s) sweep[o].saw[s].burying = 0
#endif

#ifdef FORCED_MOVE
#define evictCondition(s) true
#else
#define evictCondition(s) (!server[s].inFleet)
#endif

#ifdef CLAIM_UNCONDITIONED
#define claimCondition(s) (owner != s)
#else
#define claimCondition(s) (owner == NOBODY)
#endif

#ifdef PLAIN_READ
#define fenceItem(s) skip
#else
#define fenceItem(s) itemEpoch = server[s].mine
#endif
#ifdef AUTH
#define readCondition(s) (itemEpoch <= server[s].mine)
#else
#define readCondition(s) true
#endif

#ifdef NO_EPOCH_FENCE
#define writeCondition true
#else
#define writeCondition (itemEpoch <= writing)
#endif

#ifdef CHECK_OWNER
#define checkClaimed() assert(owner == NOBODY)
#define checkEvicted(s) assert(!server[s].inFleet)
#else
#define checkClaimed() skip
#define checkEvicted(s) skip
#endif
#ifdef CHECK_FENCING
#define checkWritten() assert(readUnder <= writing)
#else
#define checkWritten() skip
#endif

/* The auth state: one item, and epochs that guard it. */

#ifdef AUTH
byte epoch = 0;        /* in the device's row */
byte itemEpoch = 0;    /* in the item */
byte readUnder = 0;    /* for the check: the newest epoch under which the item was read */
byte writing = 0;      /* the epoch of an auth write on its way, which arrives at any time or never; 0: none */
byte other, rank;      /* scratch, always 0 between steps */

/* Epochs rise without end, but only their order counts: closing the gaps keeps the search finite. */
#define isUsed(e) (itemEpoch == e || readUnder == e || writing == e || \
  server[0].mine == e || server[1].mine == e)
#define lower(e) e = (e > rank -> e - 1 : e)
inline closeGaps() {
  rank = 6;
  do
  :: rank == 0 -> break
  :: else ->
    if
    :: isUsed(rank) -> other = (other == 0 -> rank : other)
    :: else ->
      lower(itemEpoch); lower(readUnder); lower(writing);
      lower(server[0].mine); lower(server[1].mine); lower(other)
    fi;
    rank--
  od;
  epoch = other;       /* only this counts: the next permit is newer than all epochs that are left */
  other = 0
}
#else
#define closeGaps() skip
#endif

/* The sweeps are alike: keeping the two in order halves the search. */

byte scratch;          /* always 0 between steps */
#define rankOf(o) (sweep[o].saw[0].since + 16 * sweep[o].saw[1].since + \
  256 * sweep[o].saw[0].burying + 512 * sweep[o].saw[1].burying)
#define swap(a, b) scratch = a; a = b; b = scratch
inline sortSweeps() {
  if
  :: rankOf(0) < rankOf(1) ->
    swap(sweep[0].saw[0].since, sweep[1].saw[0].since);
    swap(sweep[0].saw[1].since, sweep[1].saw[1].since);
    swap(sweep[0].saw[0].burying, sweep[1].saw[0].burying);
    swap(sweep[0].saw[1].burying, sweep[1].saw[1].burying);
    scratch = 0
  :: else
  fi
}

/* Steps that several parties share. */

inline close(s) {
  server[s].doing = IDLE;
  server[s].mine = 0;
  closeGaps()
}

/* The process is gone. Requests that it has sent may still be on their way. */
inline endProcess(s) {
  server[s].isUp = 0;
  server[s].frozen = 0;
  server[s].lease = FENCE_AFTER;
  server[s].beat = 0;
  server[s].beatApplied = 0;
  close(s)
}

/* The row has a newer beat than the sweeps saw: their sightings are void, a bury on its way is refused. */
inline raiseBeat(s) {
  sweep[0].saw[s].since = 0;
  sweep[1].saw[s].since = 0;
  refuseOlderBury(0, s);
  refuseOlderBury(1, s);
  sortSweeps()
}

/* The row becomes `dead` or `stopped`, for good. */
inline leaveFleet(s) {
  server[s].inFleet = 0;
  sweep[0].saw[s].since = 0;
  sweep[1].saw[s].since = 0;
  sweep[0].saw[s].burying = 0;
  sweep[1].saw[s].burying = 0;
  sortSweeps()
}

/* Servers. */

active [SERVERS] proctype runServer() {
  byte me = _pid;
end:
  do
  /* join: under a new id; the lease begins with the first acknowledged beat */
  :: d_step { !server[me].isUp && !server[me].inFleet && owner != me ->
      server[me].isUp = 1;
      server[me].inFleet = 1;
      server[me].releasing = 0;
      server[me].lease = FENCE_AFTER }

  /* beat: sent */
  :: d_step { runs(me) && server[me].beat == 0 -> server[me].beat = 1 }
  /* beat: applied */
  :: d_step { server[me].beat > 0 && !server[me].beatApplied && server[me].inFleet ->
      server[me].beatApplied = 1;
      raiseBeat(me) }
  /* beat: answered, the lease is renewed */
  :: d_step { runs(me) && server[me].beatApplied ->
      server[me].lease = renewed(me);
      server[me].beat = 0;
      server[me].beatApplied = 0 }
  /* beat: it or its answer is lost, or the server gives up waiting */
  :: d_step { server[me].beat > 0 -> server[me].beat = 0; server[me].beatApplied = 0 }
  /* beat: a beat that was given up long ago is applied anyway */
  :: d_step { server[me].inFleet -> raiseBeat(me) }
  /* beat: refused, the server was buried: it closes everything and ends */
  :: d_step { runs(me) && !server[me].inFleet -> endProcess(me) }

  /* permit: applied, if owner = me */
  :: d_step { server[me].isUp && server[me].doing == IDLE && permitCondition(me) ->
      server[me].doing = PERMITTED;
#ifdef AUTH
      epoch++;
      server[me].mine = epoch;
      closeGaps();
#endif
      refuseOlderRelease(me) }
  /* permit: its answer is lost; the higher epoch stays, and refuses a release on its way */
  :: d_step { owner == me && server[me].releasing -> refuseOlderRelease(me) }
  /* fencing read of the auth state: applied, if the item has no newer epoch */
  :: d_step { server[me].isUp && server[me].doing == PERMITTED && readCondition(me) ->
#ifdef AUTH
      fenceItem(me);
      readUnder = (readUnder < server[me].mine -> server[me].mine : readUnder);
      closeGaps();
#endif
      server[me].doing = FENCED }
  /* no socket: an answer is lost, the read was refused, or the device is not wanted any more */
  :: d_step { server[me].isUp && (server[me].doing == PERMITTED || server[me].doing == FENCED) ->
      close(me) }
  /* open: if the lease is valid in this very turn */
  :: d_step { runs(me) && server[me].doing == FENCED && openCondition(me) -> server[me].doing = OPEN }
  /* close: the fence, WhatsApp, a stop, a move, a restart, a drain */
  :: d_step { runs(me) && isOpen(me) -> close(me) }
  /* release: sent, after the socket is closed */
  :: d_step { runs(me) && owner == me && !server[me].releasing && releaseCondition(me) ->
      server[me].releasing = 1 }
  /* release: applied at any later time, if owner = me and epoch = mine */
  :: d_step { server[me].releasing && owner == me -> server[me].releasing = 0; owner = NOBODY }
  /* release: lost */
  :: d_step { server[me].releasing -> server[me].releasing = 0 }

#ifdef AUTH
  /* auth write: sent, within the lease */
  :: d_step { runs(me) && (server[me].doing == FENCED || isOpen(me)) && leaseValid(me) && writing == 0 ->
      writing = server[me].mine }
#endif

  /* end of the process: a crash, or a server that has closed its sockets and leaves */
  :: d_step { server[me].isUp -> endProcess(me) }
  /* freeze: at any point */
  :: d_step { runs(me) -> server[me].frozen = 1 }
  /* thaw: due timers run before anything else, and one of them is the fence */
  :: d_step { server[me].frozen > 0 ->
      server[me].frozen = 0;
      if
      :: isOpen(me) && !leaseValid(me) -> close(me)
      :: else
      fi }
  od
}

/* The control plane: each sweep on its own, at its own pace. */

/* look: a consistent read of the servers shows a beat for the first time */
inline look(o, s) {
  d_step { server[s].inFleet && sweep[o].saw[s].since == 0 -> sweep[o].saw[s].since = 1; sortSweeps() }
}

/* bury: sent, because the beat was unchanged for the bury time on this observer's own clock */
inline sendBury(o, s) {
  d_step { sweep[o].saw[s].since > BURY_AFTER && !sweep[o].saw[s].burying ->
    sweep[o].saw[s].burying = 1;
    sortSweeps() }
}

/* bury: applied at any later time, if the beat is still the one that was seen */
inline bury(o, s) {
  d_step { sweep[o].saw[s].burying -> leaveFleet(s) }
}

/* bury at once: the process has ended, by its own word or by the word of the service */
inline buryExited(s) {
  d_step { server[s].inFleet && !server[s].isUp -> leaveFleet(s) }
}

/* evict: from a server that was read as dead or stopped, at any later time */
inline evict(s) {
  d_step { owner == s && evictCondition(s) ->
    checkEvicted(s);
    owner = NOBODY }
}

/* The reserve before a claim came at some time after the join, and may be any age. */
/* claim: if there is no owner */
inline claim(s) {
  d_step { (server[s].inFleet || server[s].isUp) && claimCondition(s) ->
    checkClaimed();
    owner = s }
}

active [OBSERVERS] proctype runSweep() {
  byte me = _pid - SERVERS;
end:
  do
  :: look(me, 0)
  :: look(me, 1)
  :: sendBury(me, 0)
  :: sendBury(me, 1)
  :: bury(me, 0)
  :: bury(me, 1)
  :: buryExited(0)
  :: buryExited(1)
  :: evict(0)
  :: evict(1)
  :: claim(0)
  :: claim(1)
  od
}

#ifdef AUTH
active proctype deliver() {
end:
  do
  /* auth write: arrives, and is accepted if the item has no newer epoch */
  :: d_step { writing > 0 ->
      if
      :: writeCondition ->
        checkWritten();
        itemEpoch = writing
      :: else
      fi;
      writing = 0;
      closeGaps() }
  /* auth write: lost */
  :: d_step { writing > 0 -> writing = 0; closeGaps() }
  od
}
#endif

/* Time. */

/* Time goes on only when every running server has obeyed its timers, and no freeze is at its bound. */
#ifdef UNBOUNDED_FREEZE
#define mayStayFrozen(s) true
#define frozenOneMore(s) server[s].frozen
#else
#define mayStayFrozen(s) (server[s].frozen <= FREEZE_MAX)
#define frozenOneMore(s) (server[s].frozen > 0 -> server[s].frozen + 1 : 0)
#endif
#define inTime(s) (!server[s].isUp || \
  (server[s].frozen > 0 && mayStayFrozen(s)) || \
  (server[s].frozen == 0 && (!isOpen(s) || leaseValid(s)) && server[s].beat <= ANSWER_MAX))

inline passTime(s) {
  server[s].lease = (server[s].lease < FENCE_AFTER -> server[s].lease + 1 : FENCE_AFTER);
  server[s].beat =
    (server[s].beat > 0 && server[s].beat <= FENCE_AFTER -> server[s].beat + 1 : server[s].beat);
  server[s].frozen = frozenOneMore(s)
}

inline passSilence(o, s) {
  if
  :: sweep[o].saw[s].since > 0 && sweep[o].saw[s].since <= BURY_AFTER ->
    sweep[o].saw[s].since = sweep[o].saw[s].since + 1
  :: else
  fi
}

active proctype tick() {
end:
  do
  :: d_step { inTime(0) && inTime(1) ->
      passTime(0); passTime(1);
      passSilence(0, 0); passSilence(0, 1); passSilence(1, 0); passSilence(1, 1);
      sortSweeps() }
  od
}

/* What must never be: looked for in every reachable state. */

#define exclusive (!(isOpen(0) && isOpen(1)))
#define runningExclusive (!(runs(0) && isOpen(0) && runs(1) && isOpen(1)))
#define closedBeforeBuried ((server[0].inFleet || !isOpen(0)) && (server[1].inFleet || !isOpen(1)))

active proctype judge() {
end:
  do
#ifdef CHECK_EXCLUSIVE
  :: atomic { !exclusive -> assert(exclusive) }
#endif
#ifdef CHECK_RUNNING_EXCLUSIVE
  :: atomic { !runningExclusive -> assert(runningExclusive) }
#endif
#ifdef CHECK_BURIED
  :: atomic { !closedBeforeBuried -> assert(closedBeforeBuried) }
#endif
#ifdef CHECK_FAILOVER
  :: atomic { isOpen(1) && server[0].isUp && !server[0].inFleet -> assert(false) }
#endif
  :: false
  od
}
