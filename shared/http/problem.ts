// RFC 9457 problem details, the form of every error over HTTP: with a stable `code` and the faulty fields.
import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { asError, type FieldFault, isOutage, RejectedError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

const OUTAGE_RETRY_AFTER_SECONDS = 1

interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail: string
  errors?: FieldFault[]
}

/** Node's names, except where RFC 9110 has newer ones. */
const TITLES: Record<number, string | undefined> = {
  ...STATUS_CODES,
  413: 'Content Too Large',
  422: 'Unprocessable Content',
}

export function titleOf(status: number): string {
  return TITLES[status] ?? 'Error'
}

export function problem(status: number, code: string, detail: string, errors?: FieldFault[]): Problem {
  const title = titleOf(status)
  return { type: `urn:problem:${code}`, title, status, code, detail, ...(errors && { errors }) }
}

/** Fastify's error handler. It reveals nothing internal. An error that is not the client's fault is logged here, once. */
export function answerError(log: Log) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const error = asError(thrown)
    const answer = problemOf(error)
    if (answer.status >= 500 && !(error instanceof RejectedError))
      log.error({ method: request.method, route: request.routeOptions.url, err: error }, 'request failed')
    if (error instanceof RejectedError && error.retryAfterSeconds !== undefined)
      reply.header('retry-after', error.retryAfterSeconds)
    if (isOutage(error)) reply.header('retry-after', OUTAGE_RETRY_AFTER_SECONDS)
    if (answer.status === 413) readToTheEnd(request, reply)
    if (answer.status === 401) reply.header('www-authenticate', 'Bearer')
    return reply.status(answer.status).type('application/problem+json').send(answer)
  }
}

/**
 * Reads and drops the rest of a body that is too large, so that the client gets the answer instead of a broken pipe. The
 * request timeout limits this.
 */
function readToTheEnd(request: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader('connection')
  request.raw.resume()
}

export function problemOf(error: Error): Problem {
  if (error instanceof RejectedError)
    return { ...error.members, ...problem(error.status, error.code, error.message, error.errors) }
  if (isOutage(error))
    return problem(
      503,
      error.code,
      'a system that this request needs is unavailable; the log says which; try again soon',
    )
  const faults = validationFaults(error)
  if (faults)
    return problem(400, 'invalid_input', faults.map(({ field, message }) => `${field} ${message}`).join('; '), faults)
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
  if (status < 400 || status >= 500) return problem(500, 'internal_error', 'the service failed; its log has the reason')
  const code = 'code' in error && typeof error.code === 'string' ? CODES[error.code] : undefined
  const field = code === 'malformed_url' ? 'url' : 'body'
  return problem(
    status,
    code ?? 'bad_request',
    error.message,
    code === undefined ? undefined : [{ field, message: error.message }],
  )
}

/** Maps fastify's own refusals to our codes, which stay if the framework changes. */
const CODES: Record<string, string> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'empty_body',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'content_length_mismatch',
  FST_ERR_BAD_URL: 'malformed_url',
}

type Fault = NonNullable<FastifyError['validation']>[number]

function validationFaults(error: Error): FieldFault[] | undefined {
  const { validation, validationContext } = error as Partial<FastifyError>
  if (!validation) return undefined
  const prefix = validationContext === 'body' || validationContext === undefined ? [] : [validationContext]
  return fieldFaultsOf(validation, prefix)
}

/** A validator's faults, by the dotted paths of the fields below `prefix`. */
export function fieldFaultsOf(faults: Fault[], prefix: string[] = []): FieldFault[] {
  return meaningful(faults).flatMap((fault) => fieldFaults(fault, prefix))
}

function fieldFaults(fault: Fault, prefix: string[]): FieldFault[] {
  const path = [...prefix, ...fault.instancePath.split('/').slice(1)]
  const named = (names: unknown, message: string) =>
    (Array.isArray(names) ? names : []).map((name) => ({ field: [...path, String(name)].join('.'), message }))
  if (fault.keyword === 'required') return named(fault.params.requiredProperties, 'is required')
  if (fault.keyword === 'additionalProperties') return named(fault.params.additionalProperties, 'is not a known field')
  const message = fault.keyword === 'anyOf' ? 'fits none of the allowed forms' : (fault.message ?? 'is not valid')
  return [{ field: path.join('.') || 'body', message }]
}

/** If a value fits none of several forms, each form reports a fault. Only those of the closest form are kept. */
function meaningful(faults: Fault[]): Fault[] {
  const unions = faults.filter(({ keyword }) => keyword === 'anyOf')
  const inner = (path: string) => faults.some((fault) => fault.instancePath.startsWith(`${path}/`))
  return faults.filter((fault) => {
    // "schema is false" only repeats additionalProperties.
    if (fault.keyword === 'boolean') return false
    const union = unions.find(({ instancePath }) => fault.instancePath === instancePath)
    if (!union) return true
    // At the union's own level keep one fault, or none if a deeper one says more.
    return inner(union.instancePath)
      ? fault.keyword === 'additionalProperties' || fault.keyword === 'required'
      : fault === union
  })
}
