/** The messages between the process of the control plane and its parent. */

export type FromControlPlane =
  | { readonly type: 'ready'; readonly apiPort: number; readonly lambdaEndpoint: string }
  | { readonly type: 'task-stopped-told'; readonly told: number }

export type ToControlPlane =
  | {
      readonly type: 'task-stopped'
      readonly taskArn: string
      readonly exitCode?: number
      /** Number of this message; it comes back when the function has ended. */
      readonly told: number
    }
  /** Stops the sweep at once, as if the schedule had failed, or starts it again. */
  | { readonly type: 'sweeps'; readonly on: boolean }
  | { readonly type: 'close' }
