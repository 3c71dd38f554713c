/** What the routes are handed: the world of every Lambda, and what signs the places where their listings go on. */
import type { LambdaWorld } from '../world.ts'
import type { Cursors } from './cursor.ts'

export interface ApiWorld extends LambdaWorld {
  readonly cursors: Cursors
}
