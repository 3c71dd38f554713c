/** The operations of ECS that Mooring uses, on this machine. Tasks are the child processes of the fleet, so
 *  the task control and scaling that are deployed run here unchanged. Clients find it through
 *  AWS_ENDPOINT_URL_ECS. */
import type { IncomingMessage } from 'node:http'
import * as z from 'zod'
import { type HttpServer, readBody, sendJson, startHttpServer } from './control-plane/http-server.ts'
import { LOCAL_CREDENTIALS } from './database.ts'
import { type Credentials, signatureFault } from './signed-requests.ts'

export const LOCAL_CLUSTER = 'mooring'
export const LOCAL_SERVICE = 'hosts'
const BODY_BYTES_MAX = 64 * 1024
/** `X-Amz-Target: AmazonEC2ContainerServiceV20141113.StopTask` */
const TARGET = /^AmazonEC2ContainerServiceV20141113\.(\w+)$/

/** The service as ECS would run it: the servers of the fleet. */
export interface LocalService {
  size(): {
    readonly desired: number
    readonly running: number
    /** The ids of the newest deployment, and of older ones that still have tasks. */
    readonly deployments: readonly [string, ...string[]]
  }
  resize(desired: number): Promise<void>
  /** Starts new tasks beside the old ones. Old tasks are stopped unless they are protected. */
  redeploy(): Promise<void>
  /** Asks the process to end, and kills it when it does not.
   *  @returns false when there is no such task */
  stopTask(taskArn: string): boolean
  /** @returns false when there is no such task */
  protect(taskArn: string, minutes: number): boolean
}

type Operation = (service: LocalService, request: unknown) => Promise<object> | object

class Refused extends Error {}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  StopTask(service, request) {
    const { task } = z.object({ task: z.string() }).parse(request)
    if (!service.stopTask(task)) throw new Refused('The referenced task was not found.')
    return { task: { taskArn: task, desiredStatus: 'STOPPED' } }
  },

  DescribeServices(service) {
    const { desired, running, deployments } = service.size()
    const described = { serviceName: LOCAL_SERVICE, desiredCount: desired, runningCount: running }
    const listed = deployments.map((id, at) => ({ id, status: at === 0 ? 'PRIMARY' : 'ACTIVE' }))
    return { services: [{ ...described, deployments: listed }], failures: [] }
  },

  async UpdateService(service, request) {
    const { desiredCount, forceNewDeployment } = z
      .object({ desiredCount: z.int().min(0).optional(), forceNewDeployment: z.boolean().optional() })
      .parse(request)
    if (desiredCount !== undefined) await service.resize(desiredCount)
    if (forceNewDeployment) await service.redeploy()
    return { service: { serviceName: LOCAL_SERVICE, desiredCount: service.size().desired } }
  },

  UpdateTaskProtection(service, request) {
    const { tasks, expiresInMinutes = 120 } = z
      .object({ tasks: z.array(z.string()).max(10), expiresInMinutes: z.int().optional() })
      .parse(request)
    const known = tasks.filter((arn) => service.protect(arn, expiresInMinutes))
    return {
      protectedTasks: known.map((taskArn) => ({ taskArn, protectionEnabled: true })),
      failures: tasks.filter((arn) => !known.includes(arn)).map((arn) => ({ arn, reason: 'MISSING' })),
    }
  },
}

/** @param credentials with which every request must be signed */
export function startEcsEndpoint(
  service: LocalService,
  credentials: Credentials = LOCAL_CREDENTIALS,
): Promise<HttpServer> {
  return startHttpServer(0, async (request, response) => {
    const body = await readBody(request, BODY_BYTES_MAX)
    const fault = signatureFault(request, body ?? Buffer.alloc(0), 'ecs', credentials)
    if (fault) return sendJson(response, 400, { __type: fault.type, message: fault.says })
    try {
      sendJson(response, 200, await operate(service, request, body))
    } catch (error) {
      if (!(error instanceof Refused || error instanceof z.ZodError)) throw error
      sendJson(response, 400, { __type: 'InvalidParameterException', message: error.message })
    }
  })
}

async function operate(
  service: LocalService,
  request: IncomingMessage,
  body: Buffer | undefined,
): Promise<object> {
  const operation = OPERATIONS[TARGET.exec(String(request.headers['x-amz-target']))?.[1] ?? '']
  if (!operation || !body) throw new Refused('This operation of ECS does not run here.')
  return operation(service, JSON.parse(body.toString('utf8') || '{}'))
}
