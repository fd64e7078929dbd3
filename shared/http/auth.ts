// Authorisation by token: operators, and customers if customer tokens are set. Without operator tokens a service listens on
// loopback only.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { CommonConfig } from '../runtime/config.ts'
import { BrokenError, RejectedError } from '../runtime/errors.ts'

/** A hook that names the token it asks for. A route's documentation follows from the hook that guards it. */
interface Door {
  (request: FastifyRequest): Promise<void>
  lets: Access
}

/** Whose token opens a route. An operator's token opens customer routes too. */
export type Access = 'customer' | 'operator'

export interface Auth {
  /** Hooks for fastify's `onRequest`; see `accessOf`. */
  operator(request: FastifyRequest): Promise<void>
  customer(request: FastifyRequest): Promise<void>
  /** Accepts a token that is bound to a customer. Any other request needs operator access. */
  namedCustomer(request: FastifyRequest): Promise<void>
  /** The customer to whom the token is bound; undefined for any other token, and for none. */
  customerOf(request: FastifyRequest): string | undefined
  /** The operator whom the token names; undefined for any other token, and for none. */
  operatorOf(request: FastifyRequest): string | undefined
  /** Identifies the holder of a valid token by a value that does not reveal the token. */
  holder(request: FastifyRequest): string | undefined
}

/** @throws BrokenError `tokens_required` when the service would listen beyond loopback with open operator routes */
export function createAuth({ host, operatorTokens, customerTokens }: CommonConfig): Auth {
  if (operatorTokens === undefined && !isLoopback(host))
    throw new BrokenError(
      'tokens_required',
      `HOST=${host} can be reached from outside: set OPERATOR_TOKENS (for example to the output of "openssl rand -hex 24"), or HOST=127.0.0.1`,
    )
  const named = operatorsOf(operatorTokens)
  const operators = named.map(({ digest }) => digest)
  const customers = customersOf(customerTokens)
  const everybody = [...customers.map(({ digest }) => digest), ...operators]
  const areCustomersAsked = customerTokens !== undefined
  // 401 means that the asker is unknown, 403 that the asker has no right (RFC 9110 §15.5.2, §15.5.4).
  const demand = (request: FastifyRequest, allowed: Buffer[]) => {
    const digest = shownBy(request)
    if (!digest)
      throw new RejectedError(401, 'token_required', 'send "Authorization: Bearer <token>" with a valid token')
    if (!isAmong(everybody, digest)) throw new RejectedError(401, 'token_unknown', 'this token is not valid here')
    if (!isAmong(allowed, digest)) throw new RejectedError(403, 'token_refused', 'this token does not give access here')
  }
  const door = (lets: Access, letIn: (request: FastifyRequest) => void): Door =>
    Object.assign(async (request: FastifyRequest) => letIn(request), { lets })
  const asOperator = (request: FastifyRequest) => {
    if (operators.length > 0) demand(request, operators)
  }
  const customerOf = (request: FastifyRequest) => {
    const digest = shownBy(request)
    if (!digest || isAmong(operators, digest)) return undefined
    return customers.filter((one) => timingSafeEqual(one.digest, digest)).at(0)?.name
  }
  return {
    operator: door('operator', asOperator),
    customer: door('customer', (request) => {
      if (areCustomersAsked) demand(request, everybody)
    }),
    namedCustomer: door('customer', (request) => {
      if (customerOf(request) === undefined) asOperator(request)
    }),
    customerOf,
    operatorOf(request) {
      const digest = shownBy(request)
      return digest && named.filter((one) => timingSafeEqual(one.digest, digest)).at(0)?.name
    },
    holder(request) {
      const digest = shownBy(request)
      return digest && isAmong(everybody, digest) ? digest.toString('hex', 0, 8) : undefined
    },
  }
}

/** Whose token a route asks for; undefined if it is open to all. */
export function accessOf(onRequest: unknown): Access | undefined {
  return [onRequest].flat().find(isDoor)?.lets
}

function isDoor(hook: unknown): hook is Door {
  return typeof hook === 'function' && 'lets' in hook
}

function shownBy(request: FastifyRequest): Buffer | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token === undefined ? undefined : digestOf(token)
}

/** Compares with every token in constant time, so that the response time reveals nothing. */
function isAmong(known: Buffer[], digest: Buffer): boolean {
  const matches = known.map((one) => timingSafeEqual(one, digest))
  return matches.includes(true)
}

interface NamedToken {
  name: string | undefined
  digest: Buffer
}

const NAMED = /^([^:]+):(.{16,})$/

/**
 * `name:token` is a token with its holder's name. The whole entry is valid as a token too, as before names existed, so an
 * operator may send an entry exactly as it is in the setting.
 *
 * @throws BrokenError `bad_configuration` when one token names two operators
 */
function operatorsOf(tokens: string | undefined): NamedToken[] {
  const operators = (tokens?.split(',') ?? []).flatMap((entry): NamedToken[] => {
    const [, name, token] = NAMED.exec(entry) ?? []
    return [...(token === undefined ? [] : [token]), entry].map((one) => ({ name, digest: digestOf(one) }))
  })
  const names = new Map(operators.map(({ name, digest }) => [digest.toString('hex'), name]))
  if (operators.some(({ name, digest }) => names.get(digest.toString('hex')) !== name))
    throw new BrokenError('bad_configuration', 'configuration: OPERATOR_TOKENS: a token names two operators')
  return operators
}

/** @throws BrokenError `bad_configuration` when one token is given twice: two customers would see each other's orders */
function customersOf(tokens: string | undefined): NamedToken[] {
  const customers = (tokens?.split(',') ?? []).map((entry): NamedToken => {
    const [token = '', name] = entry.split(':').reverse()
    return { name: name?.trim(), digest: digestOf(token) }
  })
  if (new Set(customers.map(({ digest }) => digest.toString('hex'))).size < customers.length)
    throw new BrokenError('bad_configuration', 'configuration: CUSTOMER_TOKENS: a token occurs twice')
  return customers
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
