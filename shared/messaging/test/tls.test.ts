// The settings for TLS to the broker: every fault told at once, and for each refusal what to do.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { scratchFolder } from '../../testing/index.ts'
import { readAmqpTls, tlsAdvice } from '../tls.ts'

async function folder(files: Record<string, string>) {
  const { path, remove } = await scratchFolder()
  onTestFinished(remove)
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return (name: string) => join(path, name)
}

const faultOf = (settings: Parameters<typeof readAmqpTls>[0]) => {
  try {
    readAmqpTls(settings)
  } catch (error) {
    return error
  }
  return undefined
}

describe('readAmqpTls', () => {
  it('is empty where nothing is set', () => expect(readAmqpTls({})).toEqual({}))

  it('tells of every file at once', async () => {
    const at = await folder({ 'key.pem': 'a picture' })
    expect(faultOf({ amqpCaFile: at('gone.pem'), amqpCertFile: at('.'), amqpKeyFile: at('key.pem') })).toMatchObject({
      name: 'BrokenError',
      code: 'amqp_tls',
      message:
        `TLS to the broker: AMQP_CA_FILE=${at('gone.pem')} cannot be read (ENOENT); ` +
        `AMQP_CERT_FILE=${at('.')} cannot be read (EISDIR); AMQP_KEY_FILE=${at('key.pem')} is not a PEM file`,
    })
  })

  it('wants certificate and key together', async () => {
    const at = await folder({ 'cert.pem': '-----BEGIN CERTIFICATE-----' })
    expect(faultOf({ amqpCertFile: at('cert.pem') })).toMatchObject({
      message: 'TLS to the broker: AMQP_CERT_FILE and AMQP_KEY_FILE are needed together',
    })
  })

  it('tells of what is no certificate inside', async () => {
    const at = await folder({ 'cert.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' })
    expect(faultOf({ amqpCertFile: at('cert.pem'), amqpKeyFile: at('cert.pem') })).toMatchObject({
      code: 'amqp_tls',
      message: expect.stringContaining('AMQP_CA_FILE, AMQP_CERT_FILE and AMQP_KEY_FILE do not match: '),
    })
  })
})

describe('tlsAdvice', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'AMQP_CA_FILE'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'AMQP_CA_FILE'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'AMQP_URL'],
    ['CERT_HAS_EXPIRED', 'not valid now'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'AMQP_CERT_FILE'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'does not accept'],
  ])('%s', (code, advice) => {
    expect(tlsAdvice(Object.assign(new Error('refused'), { code }))).toContain(advice)
  })

  it('has none for what is not about TLS', () => {
    expect(tlsAdvice(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))).toBeUndefined()
  })
})
