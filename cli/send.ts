/** `mooring device send`: sends a text through the server that owns the device. The request is signed as an
 *  application would sign it. */
import { signatureHeaders } from '../core/request-signature.ts'
import type { DeviceAnswer } from '../lambdas/api/answers/device.ts'
import type { ServerAnswer } from '../lambdas/api/routes/servers.ts'
import { foreignRefusal } from './api.ts'
import { NotDone, type Refused, Unreachable, WrongUsage } from './failures.ts'
import { plain } from './words.ts'
import { type CliWorld, tell } from './world.ts'

/** WhatsApp may be slow. The server gives up before this. */
const ANSWER_MS_MAX = 60_000
const NOT_CONNECTED = 'DEVICE_NOT_CONNECTED'

export async function sendText(
  world: CliWorld,
  id: string,
  to: string,
  text: string,
  { secret }: { readonly secret?: string },
): Promise<void> {
  if (!secret) {
    throw new WrongUsage('Give the secret that signs messages, in MESSAGES_SECRET or with --secret.')
  }
  const { api, clock, stop } = world
  const device = await api.get<DeviceAnswer>(`/devices/${id}`)
  const { owner, explanation } = device
  if (!owner) throw new NotDone(`No server has device "${id}": ${explanation}`)
  const { url, name } = await api.get<ServerAnswer>(`/servers/${owner.serverId}`)
  const path = `/devices/${id}/messages`
  const body = JSON.stringify({ to, text })
  const target = URL.parse(path, url)
  if (!target) throw new Unreachable(`Server "${name}" has no URL that can be used: ${url}`)
  const answer = await fetch(target, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...signatureHeaders(secret, `${path}\n${body}`, clock.wallMs()),
    },
    body,
    redirect: 'error',
    signal: AbortSignal.any([stop, AbortSignal.timeout(ANSWER_MS_MAX)]),
  }).catch(() => {
    throw new Unreachable(
      `Server "${plain(name)}" cannot be reached at ${plain(url)}: servers answer only inside their own network.`,
    )
  })
  const said = (await answer.json().catch(() => ({}))) as {
    code?: string
    message?: string
    messageId?: string
  }
  if (said.code === NOT_CONNECTED) throw notConnected(world, device)
  if (!answer.ok) throw foreignRefusal(String(said.code ?? answer.status), String(said.message ?? ''))
  tell(world, said, () => `Sent. WhatsApp has it as ${plain(said.messageId ?? '')}.`)
}

/** The server knows only that there is no socket. The API knows why. */
function notConnected({ command }: CliWorld, { deviceId, explanation, pairedAt }: DeviceAnswer): Refused {
  const why = explanation ?? 'its socket has closed just now; try again in a moment'
  const hint = pairedAt === undefined ? `. Link it: ${command} device pair ${deviceId}` : ''
  return foreignRefusal(NOT_CONNECTED, `device "${deviceId}" is not connected: ${why}${hint}`)
}
