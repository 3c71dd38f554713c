/** The real client in a process of its own: some damage ends a client's process, and the test's process
 *  must survive. The client tells its parent what happens to it, and connects again when its socket has
 *  ended. */
import { BufferJSON } from '@whiskeysockets/baileys'
import { connect, newCredentials } from './baileys-client.ts'

export type Told =
  | { readonly told: 'open' }
  | { readonly told: 'closed'; readonly code: number | undefined }
  | { readonly told: 'uncaught'; readonly why: string }

const tell = (told: Told) => process.send?.(told)
const [url = '', saved = ''] = process.argv.slice(2)
const credentials = newCredentials()
Object.assign(credentials.creds, JSON.parse(saved, BufferJSON.reviver))
let running: ReturnType<typeof connect> | undefined

function run(): void {
  const client = connect({ url }, credentials)
  running = client
  client.socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
    if (connection === 'open') tell({ told: 'open' })
    if (connection !== 'close' || running !== client) return
    const error = lastDisconnect?.error as { output?: { statusCode?: number } } | undefined
    tell({ told: 'closed', code: error?.output?.statusCode })
    run()
  })
}

process.on('uncaughtException', (error) => {
  tell({ told: 'uncaught', why: error.message })
  const ended = running
  run()
  ended?.socket.end(undefined)
})
process.on('disconnect', () => process.exit())
run()
