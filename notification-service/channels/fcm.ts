// Push to apps by Firebase Cloud Messaging, HTTP v1.
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
import { createPrivateKey } from 'node:crypto'
import { BrokenError, PermanentError } from '@orders/shared/runtime'
import { beginningOf } from '../content.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { askProvider, type ProviderAnswer, textAt } from './ask-provider.ts'
import { AddressGoneError, ProviderError, type Sender } from './sender.ts'
import { signedToken } from './tokens.ts'

export interface FcmSettings {
  /** The JSON key of the service account, as Google issues it. */
  serviceAccount: string
  baseUrl: string
}

interface ServiceAccount {
  projectId: string
  email: string
  privateKey: string
  tokenUrl: string
}

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const TOKEN_SECONDS = 3_600
/** A token is replaced before it expires, so that none expires during a call. */
const TOKEN_MARGIN_MS = 300_000
const BODY_MAX = 1_000

/** @throws BrokenError `bad_configuration` if the service account cannot be read. */
export function openFcm({ serviceAccount, baseUrl }: FcmSettings, now: () => Date): Sender {
  const account = accountOf(serviceAccount)
  const tokens = accessTokens(account, now)
  return {
    provider: 'fcm',
    async send(outgoing, signal) {
      const token = await tokens.get(signal)
      const answer = await askProvider(`${baseUrl}/v1/projects/${account.projectId}/messages:send`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ message: messageOf(outgoing) }),
        signal,
      })
      const name = textAt(answer.body, 'name')
      if (answer.status === 200 && name !== '') return name
      if (answer.status === 401) tokens.forget()
      throw failureOf(answer)
    },
    close: () => undefined,
  }
}

/** FCM has no idempotency key. With the same collapse key, a repeat replaces the message on the device. */
function messageOf({ address, notificationId, eventType, orderId, content }: Outgoing): object {
  const key = notificationId.slice(-64)
  return {
    token: address,
    notification: { title: content.subject, body: beginningOf(content.short, BODY_MAX) },
    data: { notificationId, eventType, ...(orderId !== null && { orderId }) },
    android: { collapse_key: key, notification: { tag: key } },
    apns: { headers: { 'apns-collapse-id': key } },
  }
}

interface AccessTokens {
  get(signal: AbortSignal): Promise<string>
  forget(): void
}

/** One access token for all messages, until shortly before it expires (RFC 7523 in Google's form). */
function accessTokens({ email, privateKey, tokenUrl }: ServiceAccount, now: () => Date): AccessTokens {
  const key = createPrivateKey(privateKey)
  let held = { token: '', untilMs: 0 }

  async function fetchToken(signal: AbortSignal): Promise<string> {
    const issuedAt = Math.floor(now().getTime() / 1_000)
    const claims = { iss: email, scope: SCOPE, aud: tokenUrl, iat: issuedAt, exp: issuedAt + TOKEN_SECONDS }
    const assertion = signedToken('RS256', key, claims)
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
    const { status, retryAfterSeconds, body } = await askProvider(tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(grant).toString(),
      signal,
    }).catch(noMessageSent)
    const token = textAt(body, 'access_token')
    if (status !== 200 || token === '')
      throw new ProviderError('push_deferred', `google gave no access token: ${status} ${textAt(body, 'error')}`, {
        outcome: 'refused',
        retryAfterSeconds,
      })
    const seconds = Math.min(Number(textAt(body, 'expires_in')) || TOKEN_SECONDS, TOKEN_SECONDS)
    held = { token, untilMs: now().getTime() + seconds * 1_000 - TOKEN_MARGIN_MS }
    return token
  }

  return {
    get: async (signal) => (now().getTime() < held.untilMs ? held.token : fetchToken(signal)),
    forget() {
      held = { token: '', untilMs: 0 }
    },
  }
}

/** The message was not sent yet, whatever happened to the token request. */
function noMessageSent(error: Error): never {
  throw new ProviderError('push_deferred', `google gave no access token: ${error.message}`, { outcome: 'refused' })
}

/** https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */
function failureOf({ status, retryAfterSeconds, body }: ProviderAnswer): Error {
  const code = errorCodeIn(body)
  const why = `fcm answered ${status}${code === '' ? '' : ` ${code}`}`
  // A bare 404 concerns the URL: a wrong project, or another server.
  if (code === 'UNREGISTERED') return new AddressGoneError('unsubscribed', why)
  if (code === 'INVALID_ARGUMENT' || code === 'SENDER_ID_MISMATCH') return new PermanentError('push_refused', why)
  const outcome = status >= 500 && status !== 503 ? 'unknown' : 'refused'
  return new ProviderError('push_deferred', why, { outcome, retryAfterSeconds })
}

/** FCM's own code is in the details. `status` has only Google's general one. */
function errorCodeIn(body: unknown): string {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  const details = typeof error === 'object' && error !== null && 'details' in error ? error.details : undefined
  const codes = Array.isArray(details) ? details.map((detail) => textAt(detail, 'errorCode')) : []
  return codes.find((code) => code !== '') ?? textAt(error, 'status')
}

function accountOf(json: string): ServiceAccount {
  const account = jsonOf(json)
  const [projectId, email, privateKey] = ['project_id', 'client_email', 'private_key'].map((name) =>
    textAt(account, name),
  )
  if (!projectId || !email || !privateKey)
    throw new BrokenError(
      'bad_configuration',
      'configuration: FCM_SERVICE_ACCOUNT is not the JSON of a service account with project_id, client_email and private_key',
    )
  return {
    projectId,
    email,
    privateKey,
    tokenUrl: textAt(account, 'token_uri') || 'https://oauth2.googleapis.com/token',
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller reports the missing fields, without the secret in the error.
    return undefined
  }
}
