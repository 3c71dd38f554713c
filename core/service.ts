/** The service whose tasks are the servers, as far as the sweep may tell it what to do: ECS on AWS, child processes in the
 *  local fleet. None of it is needed for exclusiveness. */

export interface ServiceSize {
  readonly desired: number
  /** No deployment is under way, and as many run as are desired. */
  readonly steady: boolean
  /** Names the newest deployment: another one after `redeploy` tells that it was taken. */
  readonly deployment: string
}

export interface ServiceControl {
  size(): Promise<ServiceSize>
  resize(desired: number): Promise<void>
  /** Starts new tasks beside the old ones, which it would then stop by itself: protect those before. */
  redeploy(): Promise<void>
  /** Keeps the service from stopping these tasks by itself, for a while.
   *  @returns false when some task could not be protected */
  protect(taskArns: readonly string[], minutes: number): Promise<boolean>
}

export interface ServiceLimits {
  readonly minimum: number
  readonly maximum: number
  readonly scaleOutCoolDownSeconds: number
  readonly scaleInCoolDownSeconds: number
}
