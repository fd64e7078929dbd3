// The key that signs checkpoints: from a setting, or from a file that is made at the first start.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asError, BrokenError, errorCode } from '@orders/shared/runtime'

/** @throws BrokenError `bad_signing_key` */
export function signingKey(setting: string | undefined, dataDir: string): KeyObject {
  if (setting !== undefined) return keyIn(Buffer.from(setting, 'base64'), 'AUDIT_SIGNING_KEY')
  const path = join(dataDir, 'audit-signing-key.der')
  return keyIn(fileAt(path) ?? made(path), path)
}

function keyIn(der: Buffer, where: string): KeyObject {
  const key = readable(der)
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new BrokenError('bad_signing_key', `${where} holds no Ed25519 private key in the form PKCS#8 DER`)
}

function readable(der: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch {
    // The caller reports it, without OpenSSL's error, which could reveal parts of the secret.
    return undefined
  }
}

function fileAt(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (errorCode(asError(error)) !== 'ENOENT') throw error
    return undefined
  }
}

/** Written whole or not at all. If two copies start at the same moment, both use the same key. */
function made(path: string): Buffer {
  const { privateKey } = generateKeyPairSync('ed25519')
  const own = `${path}.${process.pid}`
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(own, privateKey.export({ type: 'pkcs8', format: 'der' }), { mode: 0o600 })
  try {
    linkSync(own, path)
  } catch (error) {
    if (errorCode(asError(error)) !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
  return readFileSync(path)
}
