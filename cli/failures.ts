/** The ways in which a command can fail, and the exit code of each for scripts. */

export const EXIT = { done: 0, refused: 1, wrongUsage: 2, unreachable: 3, interrupted: 130 } as const

/** A sentence for the person at the terminal, with its exit code. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The API refused the command. */
export class Refused extends Failure {
  readonly code: string

  constructor(code: string, message: string) {
    super(EXIT.refused, `${code}: ${message}`)
    this.code = code
  }
}

/** The command began, and did not reach the end that was wanted. */
export class NotDone extends Failure {
  constructor(message: string) {
    super(EXIT.refused, message)
  }
}

/** The arguments or options of the command are wrong. */
export class WrongUsage extends Failure {
  constructor(message: string) {
    super(EXIT.wrongUsage, message)
  }
}

/** Nothing answered at the URL, or something other than Mooring did. */
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
