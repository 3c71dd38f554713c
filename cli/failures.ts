/** Why a command did not do what it was asked, and the exit code that tells a script so. */

export const EXIT = { done: 0, refused: 1, wrongUsage: 2, unreachable: 3, interrupted: 130 } as const

/** A sentence for the person at the terminal, and the exit code that goes with it. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The API said no. */
export class Refused extends Failure {
  readonly code: string

  constructor(code: string, message: string) {
    super(EXIT.refused, `${code}: ${message}`)
    this.code = code
  }
}

/** It was begun, and did not come to its end, or not to the one that was wanted. */
export class NotDone extends Failure {
  constructor(message: string) {
    super(EXIT.refused, message)
  }
}

/** The command was not given as it takes it. */
export class WrongUsage extends Failure {
  constructor(message: string) {
    super(EXIT.wrongUsage, message)
  }
}

/** Nobody answered, or somebody who is not Mooring. */
export class Unreachable extends Failure {
  constructor(message: string) {
    super(EXIT.unreachable, message)
  }
}

/** Ctrl-C, or the end of the terminal. */
export class Interrupted extends Failure {
  constructor() {
    super(EXIT.interrupted, 'interrupted')
  }
}
