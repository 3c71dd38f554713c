/** The world of the routes: the world of every Lambda, and the cursors of the listings. */
import type { LambdaWorld } from '../world.ts'
import type { Cursors } from './cursor.ts'

export interface ApiWorld extends LambdaWorld {
  readonly cursors: Cursors
}
