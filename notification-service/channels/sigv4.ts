// Signs one request with AWS Signature Version 4, by Node's crypto.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { createHash, createHmac } from 'node:crypto'

export interface AwsKey {
  accessKeyId: string
  secretAccessKey: string
  /** For temporary credentials. */
  sessionToken?: string | undefined
}

export interface AwsRequest {
  method: string
  url: string
  /** In addition to `host` and `x-amz-date`, which are signed too. */
  headers: Record<string, string>
  body: string
  service: string
  region: string
}

/** The headers to send, including `authorization`. The HTTP client adds `host`. */
export function signed({ method, url, headers, body, service, region }: AwsRequest, key: AwsKey, now: Date) {
  const { host, pathname, searchParams } = new URL(url)
  const time = now.toISOString().replace(/[:-]|\.\d{3}/g, '')
  const sent: Record<string, string> = { ...headers, 'x-amz-date': time }
  if (key.sessionToken !== undefined) sent['x-amz-security-token'] = key.sessionToken
  const all = Object.entries({ ...sent, host }).map(([name, value]) => [
    name.toLowerCase(),
    value.trim().replace(/ +/g, ' '),
  ])
  const sorted = all.sort(([one = ''], [other = '']) => (one < other ? -1 : 1))
  const names = sorted.map(([name]) => name).join(';')
  const canonical = [
    method,
    pathname,
    queryOf(searchParams),
    ...sorted.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    digest(body),
  ].join('\n')
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, digest(canonical)].join('\n')
  const parts = [day, region, service, 'aws4_request']
  const signing = parts.reduce<Buffer | string>((by, part) => hmac(by, part), `AWS4${key.secretAccessKey}`)
  const signature = hmac(signing, text).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return { ...sent, authorization }
}

function queryOf(search: URLSearchParams): string {
  const encoded = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
  return [...search]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&')
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (by: Buffer | string, text: string) => createHmac('sha256', by).update(text).digest()
