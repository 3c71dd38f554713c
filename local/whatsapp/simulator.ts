/**
 * A WhatsApp server on this machine for the real client, and the judge of the fleet: it counts overlaps and
 * conflicts. The local fleet, the demo, the fleet tests and the benches start it; people and tests steer it
 * by its HTTP control. It must never print, call out, mistake one client for another, or keep two logins of
 * one account.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { type Clock, systemClock, type Timer } from '../../core/clock.ts'
import { bearer, guard, isSame } from '../endpoint-guard.ts'
import { makeAccounts } from './accounts.ts'
import { makeAnswers } from './answers.ts'
import { makeContacts } from './contacts.ts'
import { makeControl } from './control.ts'
import { loadState, NO_DATA_FILE, openDataFile } from './data-file.ts'
import { makeEvilMethods } from './evil-methods.ts'
import { FRAME_BYTES_MAX } from './frames.ts'
import { makeGroups } from './groups.ts'
import { makeInflict } from './inflict.ts'
import { makeJudge } from './judge.ts'
import { silenceLibsignal } from './libsignal-silence.ts'
import { makeMessages } from './messages.ts'
import { makeMethods, type SimulatorMethods } from './methods.ts'
import { makeMisdeeds } from './misdeeds.ts'
import { makeServerIdentity } from './noise.ts'
import { makeOfflineQueue } from './offline-queue.ts'
import { makePhones } from './phones.ts'
import { makeReading } from './reading.ts'
import { makeSwitchboard } from './switchboard.ts'
import { makeUnseen } from './unseen.ts'
import type { SimulatorEvent, World } from './world.ts'

const WEBSOCKET_PATH = '/ws/chat'
/** Baileys sends this Origin. In a browser only pages of WhatsApp can. */
const CLIENT_ORIGIN = 'https://web.whatsapp.com'
const TOKEN_BYTES = 24
/** A timer looks at all sockets, and closes clients that do not answer a close, say nothing, or never
 *  pair. */
const SWEEP_EVERY_MS = 1000

export interface SimulatorOptions {
  /** 0 or absent: any free port. */
  readonly port?: number
  readonly controlPort?: number
  readonly host?: string
  /** The file that keeps phones, groups, linked devices and queued messages over a restart. Without it
   *  they are lost. */
  readonly dataFile?: string
  readonly clock?: Clock
  readonly onEvent?: (event: SimulatorEvent) => void
}

export interface Simulator extends SimulatorMethods {
  /** For the client's socket option `waWebSocketUrl`. `?server=<name>` puts a name on the judge's labels. The
   *  path ends in a secret of this run, because the real client can send a secret nowhere else. */
  readonly url: string
  readonly controlUrl: string
  /** The token of this run, which the control expects as `Authorization: Bearer <token>`. */
  readonly controlToken: string
  /** The root of the certificates of this run, in base64, for a client that checks the whole chain. */
  readonly rootKey: string
  /** Ends every socket, frees the ports, writes the data file. It may be called more than once. */
  close(): Promise<void>
}

export async function startWhatsAppSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, controlPort = 0, host = '127.0.0.1', clock = systemClock } = options
  silenceLibsignal()
  const timers = timersOf(clock)
  const { world, dataFile } = await makeWorld(clock, timers.later, options)
  const queue = makeOfflineQueue(world)
  const reading = makeReading(world)
  const inflict = makeInflict(world)
  const messages = makeMessages(world, queue, reading)
  const identity = makeServerIdentity()
  const switchboard = makeSwitchboard(world, queue, messages, inflict, identity)
  const methods: SimulatorMethods = {
    ...makeMethods(world, queue, makeContacts(world, queue), reading, switchboard),
    ...makeEvilMethods(world, queue, inflict),
  }

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FRAME_BYTES_MAX,
    perMessageDeflate: false,
  })
  const path = `${WEBSOCKET_PATH}/${newToken()}`
  const controlToken = newToken()
  const server = createServer((_, response) => response.writeHead(426).end())
  let ended: Promise<void> | undefined
  server.on('upgrade', (request, socket, head) => {
    // A client that connects again while the simulator closes would keep it open.
    if (ended) return socket.destroy()
    if (!isSame(request.url?.split('?')[0] ?? '', path)) return socket.destroy()
    return sockets.handleUpgrade(request, socket, head, (ws) => switchboard.accept(ws, request))
  })
  // Clients may come through a proxy, which has a port of its own.
  guard(server, { host: 'loopback', port: 'any', origin: CLIENT_ORIGIN })
  const control = makeControl(methods)
  guard(control, { host: 'loopback', port: 'exact', credential: bearer(controlToken) })
  await Promise.all([listen(server, port, host), listen(control, controlPort, host)])
  const sweep = repeat(clock, SWEEP_EVERY_MS, () => switchboard.expire())

  const end = async () => {
    sweep.cancel()
    timers.cancelAll()
    const closed = Promise.all([shut(server), shut(control)])
    for (const ws of sockets.clients) ws.terminate()
    for (const each of [server, control]) each.closeAllConnections()
    await closed
    await dataFile.close()
  }
  return {
    ...methods,
    url: `ws://${host}:${portOf(server)}${path}`,
    controlUrl: `http://${host}:${portOf(control)}`,
    controlToken,
    rootKey: Buffer.from(identity.rootKey).toString('base64'),
    close: () => {
      ended ??= end()
      return ended
    },
  }
}

async function makeWorld(clock: Clock, later: World['later'], { dataFile: path, onEvent }: SimulatorOptions) {
  let dataFile = NO_DATA_FILE
  const changed = () => dataFile.changed()
  const start = clock.mark()
  const startedAtMs = clock.wallMs()
  const nowMs = () => startedAtMs + Math.floor(clock.elapsedMs(start))
  const accounts = makeAccounts()
  const phones = makePhones(changed)
  const groups = makeGroups(changed)
  if (path !== undefined) {
    const kept = { accounts, phones, groups }
    await loadState(path, kept)
    dataFile = openDataFile(path, kept, clock)
  }
  const world: World = {
    accounts,
    phones,
    judge: makeJudge(startedAtMs),
    answers: makeAnswers(clock),
    misdeeds: makeMisdeeds(accounts, later),
    groups,
    unseen: makeUnseen(),
    clock,
    later,
    nowMs,
    changed,
    emit: onEvent ?? (() => undefined),
  }
  return { world, dataFile }
}

function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

async function shut(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** Timers that end with the simulator, because answers that are late on purpose may be late by hours. */
function timersOf(clock: Clock) {
  const running = new Set<Timer>()
  return {
    later(afterMs: number, run: () => void): Timer {
      const inner = clock.startTimer(afterMs, () => {
        running.delete(timer)
        run()
      })
      const timer: Timer = {
        cancel() {
          running.delete(timer)
          inner.cancel()
        },
      }
      running.add(timer)
      return timer
    },
    cancelAll() {
      for (const timer of [...running]) timer.cancel()
    },
  }
}

function repeat(clock: Clock, everyMs: number, run: () => void): Timer {
  let timer = clock.startTimer(everyMs, again)
  function again() {
    run()
    timer = clock.startTimer(everyMs, again)
  }
  return { cancel: () => timer.cancel() }
}
