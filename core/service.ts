/** The service that runs the servers as its tasks: ECS on AWS, child processes in the local fleet. The
 *  sweep asks it for more or fewer servers and for a rolling restart. The protocol does not need it: no
 *  rule of ownership depends on it. */

export interface ServiceSize {
  readonly desired: number
  /** No deployment is running, and as many tasks run as are desired. */
  readonly steady: boolean
  /** Names the newest deployment. A new name after `redeploy` tells that the service has accepted it. */
  readonly deployment: string
}

export interface ServiceControl {
  size(): Promise<ServiceSize>
  resize(desired: number): Promise<void>
  /** Starts new tasks beside the old ones. The service then stops the old ones by itself, so protect them
   *  before. */
  redeploy(): Promise<void>
  /** Keeps the service from stopping these tasks by itself, for a while.
   *  @returns false when a task could not be protected */
  protect(taskArns: readonly string[], minutes: number): Promise<boolean>
}

export interface ServiceLimits {
  readonly minimum: number
  readonly maximum: number
  readonly scaleOutCoolDownSeconds: number
  readonly scaleInCoolDownSeconds: number
}
