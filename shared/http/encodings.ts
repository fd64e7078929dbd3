// Accepts text exactly as it was sent, or refuses it. Lenient decoding replaces unreadable characters, which would turn one
// customer's name into another.
import { isUtf8 } from 'node:buffer'
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import type { TSchema } from 'typebox'
import { RejectedError } from '../runtime/errors.ts'
import { FAULTS_MAX } from './limits.ts'

/** A `charset` other than UTF-8. JSON is always UTF-8 (RFC 8259 §8.1). */
const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))/i
/** RFC 9110 §5.5: other characters in a field value have no encoding on which both sides agree. */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/
const IDENTITY = /^(?:identity)?$/i

/** For every route: JSON is read as UTF-8 only, a compressed body is refused, and a URL's escapes must be UTF-8. */
export function refuseOtherEncodings(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ url, headers }, reply) => {
    if (url.includes('%') && !hasWholeEscapes(url)) throw badUrl()
    if (IDENTITY.test(headers['content-encoding'] ?? '')) return
    reply.header('accept-encoding', 'identity')
    throw refused(415, 'unsupported_content_encoding', 'send the body as it is, without Content-Encoding')
  })
  const parseJson = app.getDefaultJsonParser('error', 'error')
  // Checks the bytes first, since the default parser would get decoded text. It ignores a byte order mark, as RFC 8259 §8.1 allows.
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) =>
    parseJson(request, textOf(body, request.headers['content-type']), done),
  )
  app.setValidatorCompiler(validateWithText)
}

/**
 * The fields of a form (`application/x-www-form-urlencoded`). Of several with one name, the last counts.
 *
 * @throws RejectedError 415 `unsupported_charset`, 400 `bad_encoding`
 */
export function formOf(body: Buffer, contentType: string | undefined): Record<string, string> {
  const text = textOf(body, contentType)
  if (!hasWholeEscapes(text)) throw refused(400, 'bad_encoding', 'the escapes of the form are not valid UTF-8')
  return Object.fromEntries(new URLSearchParams(text))
}

/**
 * Checks texts and names at any depth for what a schema cannot express: PostgreSQL stores no U+0000, and UTF-8 has no half
 * surrogate pair.
 */
export function textFaultsOf(value: unknown): FastifySchemaValidationError[] {
  const faults: FastifySchemaValidationError[] = []
  const look = (text: string, path: string) => {
    if ((text.isWellFormed() && !text.includes('\u0000')) || faults.length === FAULTS_MAX) return
    faults.push(faultAt(path.toWellFormed(), 'has U+0000 or half of a surrogate pair'))
  }
  const places: Place[] = [{ value, path: '', depth: 0 }]
  // The list grows while it is read. Recursion would need a stack as deep as the sender chooses.
  for (const { value: outer, path, depth } of places) {
    if (typeof outer === 'string') look(outer, path)
    else if (typeof outer === 'object' && outer !== null) {
      const isNamed = !Array.isArray(outer)
      for (const [name, inner] of Object.entries(outer)) {
        const innerPath = depth < NAMED_LEVELS_MAX ? `${path}/${name}` : path
        if (isNamed) look(name, innerPath)
        if (typeof inner === 'string' || typeof inner === 'object')
          places.push({ value: inner, path: innerPath, depth: depth + 1 })
      }
    }
  }
  return faults
}

interface Place {
  value: unknown
  path: string
  depth: number
}

/** Limits the answer's length: a deeper fault is reported at the field around it. */
const NAMED_LEVELS_MAX = 10

/** Checks the texts of a value that the schema accepts. Of headers, only those in the schema are checked. */
const validateWithText: FastifySchemaCompiler<TSchema> = (part) => {
  const validate = TypeBoxValidatorCompiler(part)
  const find = part.httpPart === 'headers' ? headerFaults(part.schema) : textFaultsOf
  return (value: unknown) => {
    const result = validate(value)
    if (typeof result !== 'object' || !('value' in result)) return result
    const faults = find(result.value)
    return faults.length > 0 ? { error: faults } : result
  }
}

function headerFaults(schema: TSchema): (headers: unknown) => FastifySchemaValidationError[] {
  const names = 'properties' in schema ? Object.keys(Object(schema.properties)) : []
  return (headers) =>
    names
      .filter((name) => !HEADER_TEXT.test(Object(headers)[name] ?? ''))
      .map((name) => faultAt(`/${name}`, 'may contain ASCII only'))
}

function faultAt(instancePath: string, message: string): FastifySchemaValidationError {
  return { keyword: 'text', instancePath, schemaPath: '', params: {}, message }
}

function textOf(body: Buffer, contentType = ''): string {
  if (OTHER_CHARSET.test(contentType)) throw refused(415, 'unsupported_charset', 'send the body as UTF-8')
  if (!isUtf8(body)) throw refused(400, 'bad_encoding', 'the body is not valid UTF-8')
  return body.toString()
}

function hasWholeEscapes(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    // `decodeURIComponent` throws for no other reason.
    return false
  }
}

function refused(status: number, code: string, message: string, field = 'body'): RejectedError {
  return new RejectedError(status, code, message, { errors: [{ field, message }] })
}

function badUrl(): RejectedError {
  return refused(400, 'malformed_url', 'the escapes of the URL are not valid UTF-8', 'url')
}
