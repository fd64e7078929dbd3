// TLS to the broker: the files that AMQP_CA_FILE and its siblings name, and what to do when the two do not trust each other.
// Certificates are always verified; there is no switch to turn that off.
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { asError, BrokenError, errorCode } from '../runtime/errors.ts'

/** Paths of PEM files, as the settings of the same names have them. */
export interface AmqpTlsFiles {
  amqpCaFile?: string | undefined
  amqpCertFile?: string | undefined
  amqpKeyFile?: string | undefined
  amqpKeyPassphrase?: string | undefined
}

/** For `tls.connect`; empty where nothing is set, which trusts Node's own list of authorities and shows no certificate. */
export interface AmqpTls {
  ca?: string
  cert?: string
  key?: string
  passphrase?: string
}

/** @throws BrokenError `amqp_tls` that names every file which is missing, unreadable or not what it should be. */
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

/** A key that is not the certificate's, or whose passphrase is another. */
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

/** What an operator can do about a connection that TLS refused; undefined for every other fault. */
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
