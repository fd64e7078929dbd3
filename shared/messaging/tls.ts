// TLS to the broker: reads the files that AMQP_CA_FILE and its siblings name, and advises when the two sides do not trust each
// other. Certificates are always verified; no setting turns this off.
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { asError, BrokenError, errorCode } from '../runtime/errors.ts'

/** Paths of PEM files, from the settings of the same names. */
export interface AmqpTlsFiles {
  amqpCaFile?: string | undefined
  amqpCertFile?: string | undefined
  amqpKeyFile?: string | undefined
  amqpKeyPassphrase?: string | undefined
}

/**
 * Options for `tls.connect`. Empty if nothing is set: then Node's own authorities are trusted and no client certificate is
 * sent.
 */
export interface AmqpTls {
  ca?: string
  cert?: string
  key?: string
  passphrase?: string
}

/** @throws BrokenError `amqp_tls`, naming every file that is missing, unreadable or not of its kind */
export function readAmqpTls({ amqpCaFile, amqpCertFile, amqpKeyFile, amqpKeyPassphrase }: AmqpTlsFiles): AmqpTls {
  const faults: string[] = []
  const read = (variable: string, path: string | undefined) => {
    if (path === undefined) return undefined
    try {
      const text = readFileSync(path, 'utf8')
      if (text.includes('-----BEGIN ')) return text
      faults.push(`${variable}=${path} is not a PEM file`)
    } catch (error) {
      faults.push(`${variable}=${path} cannot be read (${errorCode(asError(error))})`)
    }
    return undefined
  }
  const ca = read('AMQP_CA_FILE', amqpCaFile)
  const cert = read('AMQP_CERT_FILE', amqpCertFile)
  const key = read('AMQP_KEY_FILE', amqpKeyFile)
  if ((amqpCertFile === undefined) !== (amqpKeyFile === undefined))
    faults.push('AMQP_CERT_FILE and AMQP_KEY_FILE are needed together')
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(amqpKeyPassphrase !== undefined && { passphrase: amqpKeyPassphrase }),
  }
  if (faults.length === 0) faults.push(...faultsTogether(tls))
  if (faults.length > 0) throw new BrokenError('amqp_tls', `TLS to the broker: ${faults.join('; ')}`)
  return tls
}

/** Finds a key that does not match the certificate, or a wrong passphrase. */
function faultsTogether(tls: AmqpTls): string[] {
  try {
    createSecureContext(tls)
    return []
  } catch (error) {
    return [`AMQP_CA_FILE, AMQP_CERT_FILE and AMQP_KEY_FILE do not match: ${asError(error).message}`]
  }
}

const OUR_DISTRUST =
  /^(UNABLE_TO_|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_(UNTRUSTED|SIGNATURE_FAILURE|REJECTED))/
const NO_CLIENT_CERTIFICATE = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/
const CLIENT_REFUSED = /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN))/

/** What an operator can do about a connection that TLS refused; undefined for other faults. */
export function tlsAdvice(error: Error): string | undefined {
  const code = errorCode(error)
  if (OUR_DISTRUST.test(code)) return 'set AMQP_CA_FILE to the authority that signed the broker’s certificate'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'AMQP_URL must name a host that the broker’s certificate is for'
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'the broker’s certificate is not valid now'
  if (NO_CLIENT_CERTIFICATE.test(code))
    return 'the broker requires a client certificate: set AMQP_CERT_FILE and AMQP_KEY_FILE'
  if (CLIENT_REFUSED.test(code)) return 'the broker does not accept the certificate in AMQP_CERT_FILE'
  return undefined
}
