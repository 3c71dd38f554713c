/** What the control plane's process and its parent tell each other. */

export type FromControlPlane =
  | { readonly type: 'ready'; readonly apiPort: number; readonly lambdaEndpoint: string }
  | { readonly type: 'task-stopped-told'; readonly told: number }

export type ToControlPlane =
  | {
      readonly type: 'task-stopped'
      readonly taskArn: string
      readonly exitCode?: number
      /** Comes back when the function has ended. */
      readonly told: number
    }
  /** Stops the sweep where it is, or starts it again: the schedule has failed. */
  | { readonly type: 'sweeps'; readonly on: boolean }
  | { readonly type: 'close' }
