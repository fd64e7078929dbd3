// Makes the JSON Web Tokens (RFC 7519) that providers require: signed here, short-lived.
import { type KeyObject, sign } from 'node:crypto'

type Claims = Record<string, string | number>

export function signedToken(algorithm: 'RS256' | 'ES256', key: KeyObject, claims: Claims): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: algorithm, typ: 'JWT' })}.${part(claims)}`
  // RFC 7518 §3.4: an ES256 signature is the two numbers side by side, not DER.
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
