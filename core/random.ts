/** Chance. Every part gets it from outside, so that a simulation can draw all of it from one seed. */
import { randomBytes } from 'node:crypto'

export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number
  /** A new lower-case identifier of 16 characters. */
  id(): string
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  id: () => randomBytes(8).toString('hex'),
}

/** A whole number in [0, below). */
export function pickIndex(random: Random, below: number): number {
  return Math.floor(random.fraction() * below)
}

/** Exponential backoff with full jitter: uniform in [0, min(capMs, baseMs * 2^attempt)).
 *  Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. `attempt` counts from 0. */
export function backoffMs(random: Random, attempt: number, baseMs: number, capMs: number): number {
  return random.fraction() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}
