/** Tells of a stall in the device's row, its history and the log, once as it begins and once as it ends. */
import type { DeviceRow, StallFound } from '../../core/store/device-row.ts'
import type { Stall } from '../stalls/device-watch.ts'
import type { SocketEvents } from '../whatsapp/socket.ts'
import type { SocketState } from './socket-state.ts'

export function tellsStalls(state: SocketState): Pick<SocketEvents, 'stalled' | 'recovered'> {
  const { world, facts, reports, guidance } = state
  let told: StallFound | undefined
  return {
    stalled(stall) {
      if (!told) {
        told = { at: world.clock.wallMs(), since: stall.since, why: stall.words }
        tellStall(state, stall, told)
      }
      return guidance.mayReplace()
    },
    recovered() {
      if (!told) return
      const stall = { ...told, endedAt: world.clock.wallMs() }
      told = undefined
      world.telemetry.emit('device.recovered', { ...facts, why: stall.why })
      void reports.say({ set: { stall }, remove: ['statusReason'] })
    },
  }
}

function tellStall({ world, facts, reports }: SocketState, { kind }: Stall, stall: StallFound): void {
  const seconds = Math.round((stall.at - stall.since) / 1000)
  const words = `stalled since ${new Date(stall.since).toISOString()}: ${stall.why}`
  const measures = { OldestUnansweredSeconds: seconds }
  world.telemetry.emit('device.stalled', { ...facts, kind, seconds, why: stall.why }, measures)
  void reports.say({ set: { stall, statusReason: words } })
  void reports.history('stalled', words)
}

/** A login ends the stall that was before it. */
export function stallEnded({ stall }: DeviceRow, nowMs: number): Pick<DeviceRow, 'stall'> {
  return stall && stall.endedAt === undefined ? { stall: { ...stall, endedAt: nowMs } } : {}
}
