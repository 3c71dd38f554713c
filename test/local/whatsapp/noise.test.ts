/** A client that checks the server's certificates, as whatsmeow does, accepts those of the simulator. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proto } from '@whiskeysockets/baileys'
import { isSignedBy } from '../../../cli/import/sources/whatsmeow/signatures.ts'
import { makeServerIdentity } from '../../../local/whatsapp/noise.ts'

/** What clients expect of the certificate below the root. */
const ROOT_SERIAL = 0

function opened(certificate: proto.CertChain.INoiseCertificate | null | undefined) {
  const { details, signature } = certificate ?? {}
  assert.ok(details && signature)
  const { serial, issuerSerial, key } = proto.CertChain.NoiseCertificate.Details.decode(details)
  assert.ok(key)
  return {
    serial,
    issuerSerial,
    key,
    signedBy: (issuer: Uint8Array) => isSignedBy(issuer, details, signature),
  }
}

test("the certificates lead from the root key to the server's key", () => {
  const { certificateChain, keyPair, rootKey } = makeServerIdentity()
  const chain = proto.CertChain.decode(certificateChain)
  const intermediate = opened(chain.intermediate)
  const leaf = opened(chain.leaf)

  assert.equal(intermediate.issuerSerial, ROOT_SERIAL)
  assert.equal(leaf.issuerSerial, intermediate.serial)
  assert.deepEqual(Buffer.from(leaf.key), Buffer.from(keyPair.public))
  assert.ok(intermediate.signedBy(rootKey))
  assert.ok(leaf.signedBy(intermediate.key))
  assert.ok(!leaf.signedBy(rootKey))
})
