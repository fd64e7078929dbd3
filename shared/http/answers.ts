// The problems that a route can answer with: its own, and those of every route of its kind.
import type { FastifySchema } from 'fastify'
import type { Access } from './auth.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** By status, the codes of the route's own problems. */
    problems?: Problems
  }
}

/** By status, codes of problems. */
export type Problems = Readonly<Record<number, readonly string[]>>

export interface Asked {
  method: string
  schema?: FastifySchema | undefined
  access: Access | undefined
}

/** Thrown in this folder, by the group commit and by the database. */
const OF_ALL: Problems = {
  400: ['malformed_request', 'malformed_url', 'bad_host'],
  408: ['request_timeout'],
  414: ['url_too_long'],
  415: ['unsupported_content_encoding'],
  417: ['expectation_failed'],
  429: ['rate_limited'],
  431: ['headers_too_large'],
  500: ['internal_error'],
  503: ['overloaded', 'stopping', 'database_unavailable', 'database_locked', 'disk_full', 'disk_failed'],
}
const OF_INPUT: Problems = { 400: ['invalid_input'] }
const OF_BODIES: Problems = {
  400: ['malformed_json', 'empty_body', 'bad_encoding', 'content_length_mismatch', 'bad_request'],
  413: ['body_too_large'],
  415: ['unsupported_media_type', 'unsupported_charset'],
}
const OF_TOKENS: Record<Access, Problems> = {
  customer: { 401: ['token_required', 'token_unknown'] },
  operator: { 401: ['token_required', 'token_unknown'], 403: ['token_refused'] },
}

export interface Refusal {
  status: number
  codes: string[]
  /** Names the kinds of route that refuse so, and this route's own codes. Routes with equal refusals share the name. */
  name: string
}

/** The refusals of a route, lowest status first. */
export function refusalsOf({ method, schema = {}, access }: Asked): Refusal[] {
  const { params, querystring, headers, body, problems = {} } = schema
  const kinds: { kind: string; problems: Problems }[] = [{ kind: '', problems: OF_ALL }]
  if (params ?? querystring ?? headers ?? body) kinds.push({ kind: '.input', problems: OF_INPUT })
  if (method !== 'GET' && method !== 'HEAD') kinds.push({ kind: '.body', problems: OF_BODIES })
  if (access) kinds.push({ kind: '.token', problems: OF_TOKENS[access] })
  const statuses = [...kinds.map((kind) => kind.problems), problems].flatMap(Object.keys)
  return [...new Set(statuses.map(Number))]
    .sort((one, other) => one - other)
    .map((status) => {
      const own = problems[status] ?? []
      const shared = kinds.filter((kind) => kind.problems[status])
      return {
        status,
        codes: [...shared.flatMap((kind) => kind.problems[status] ?? []), ...own],
        name: [`${status}${shared.map(({ kind }) => kind).join('')}`, ...own].join('.'),
      }
    })
}
