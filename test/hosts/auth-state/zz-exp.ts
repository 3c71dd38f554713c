import { startStore, open, newDevice, watched } from './fixtures.ts'
import { deviceParty, contactParty, introduce, talkAtOnce } from './conversation.ts'
import { libsignalRepository } from '../../../hosts/auth-state/signal-repository.ts'
import { serialisedDecrypts } from '../../../hosts/auth-state/serialised-decrypts.ts'
for (const m of ['info','warn','error'] as const) console[m] = () => {}
const { store, close } = await startStore()
const slow = watched(store, () => new Promise<void>(r => setTimeout(r, Math.random()*10)))
for (const n of [2,4,10]) {
  const pairs = [] as any[]
  for (let i=0;i<n;i++) { const auth = await open({ store: slow, device: newDevice() })
   const d = deviceParty(`11${i}:1@s.whatsapp.net`, auth, serialisedDecrypts(auth.state.creds, libsignalRepository)); const c = contactParty('333@s.whatsapp.net'); await introduce(d,c); pairs.push([d,c]) }
  const t = Date.now()
  const res = await Promise.all(pairs.map(async ([d,c]) => {
    const out = [] as any[]
    for (let k=0;k<60;k++) out.push(await d.encrypt(c.jid, 'm'+k))
    return out
  }))
  let lost = 0
  for (let i=0;i<n;i++) for (const m of res[i]) await pairs[i][1].decrypt(pairs[i][0].jid, m).catch(()=>lost++)
  console.log(n, 'devices same contact, lost', lost, Date.now()-t)
}
await close()
