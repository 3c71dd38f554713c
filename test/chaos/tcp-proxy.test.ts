import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../local/whatsapp/baileys-client.ts'
import { startProxy, type TcpProxy } from './tcp-proxy.ts'

test('lost requests are not heard, and no side learns of it', async (context) => {
  const { proxy, client, heard, answers } = await conversation(context)
  proxy.cut('requests')
  client.write('one')
  client.destroy()
  await pause(50)
  assert.deepEqual(heard, [])
  assert.deepEqual(answers, [])
})

test('lost answers follow requests that were heard', async (context) => {
  const { proxy, client, heard, answers } = await conversation(context)
  proxy.cut('answers')
  client.write('one')
  await eventually('the request', () => heard.length === 1)
  await pause(50)
  assert.deepEqual(answers, [])
})

test('slow bytes arrive, even when their sender has given up', async (context) => {
  const { proxy, client, heard } = await conversation(context)
  proxy.slow(150)
  client.write('one')
  client.destroy()
  await pause(50)
  assert.deepEqual(heard, [])
  await eventually('the request', () => heard.join() === 'one')
})

test('held bytes arrive when they are released', async (context) => {
  const { proxy, connectAgain } = await conversation(context)
  proxy.hold(1)
  const { client, heard } = await connectAgain()
  client.write('one')
  await eventually('the first packet', () => heard.join() === 'one')
  client.write('two')
  await eventually('the second packet', () => proxy.held() === 1)
  assert.deepEqual(heard, ['one'])
  proxy.release()
  await eventually('the second packet', () => heard.join() === 'one,two')
})

test('mending resets earlier connections, and new ones pass', async (context) => {
  const { proxy, client, connectAgain } = await conversation(context)
  const closed = new Promise((resolve) => client.once('close', resolve))
  proxy.cut()
  proxy.mend()
  await closed
  const again = await connectAgain()
  again.client.write('two')
  await eventually('the answer', () => again.answers.join() === 'aye')
})

interface Ends {
  readonly client: Socket
  readonly heard: string[]
  readonly answers: string[]
}

async function conversation(test: {
  after(end: () => void): void
}): Promise<Ends & { proxy: TcpProxy; connectAgain(): Promise<Ends> }> {
  let heard: string[] = []
  const server = createServer((socket) => {
    const mine = heard
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      mine.push(bytes.toString())
      socket.write('aye')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const clients: Socket[] = []
  const connectAgain = async () => {
    heard = []
    const client = connect(Number(new URL(proxy.endpoint).port), '127.0.0.1')
    clients.push(client)
    client.on('error', () => undefined)
    const answers: string[] = []
    client.on('data', (bytes) => answers.push(bytes.toString()))
    await new Promise((resolve) => client.once('connect', resolve))
    await pause(20)
    return { client, heard, answers }
  }
  test.after(async () => {
    for (const client of clients) client.destroy()
    await proxy.close()
    server.close()
  })
  return { proxy, connectAgain, ...(await connectAgain()) }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
