// Who may ask: operators by token, customers by token where tokens are set. Without any, a service stays on loopback.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { CommonConfig } from '../runtime/config.ts'
import { BrokenError, RejectedError } from '../runtime/errors.ts'

export interface Auth {
  /** Hooks for fastify's `onRequest`. */
  operator(request: FastifyRequest): Promise<void>
  customer(request: FastifyRequest): Promise<void>
  /** The customer that the shown token is bound to; undefined for every other token, and for none. */
  customerOf(request: FastifyRequest): string | undefined
  /** Who shows a token that is valid anywhere here, by a name that does not give the token away. */
  holder(request: FastifyRequest): string | undefined
}

/** @throws BrokenError `tokens_required` when the service would listen beyond loopback with open operator routes. */
export function createAuth({ host, operatorTokens, customerTokens }: CommonConfig): Auth {
  if (operatorTokens === undefined && !isLoopback(host))
    throw new BrokenError(
      'tokens_required',
      `HOST=${host} can be reached from outside: set OPERATOR_TOKENS (for example to the output of "openssl rand -hex 24"), or HOST=127.0.0.1`,
    )
  const operators = digests(operatorTokens)
  const customers = customersOf(customerTokens)
  const everybody = [...customers.map(({ digest }) => digest), ...operators]
  const areCustomersAsked = customerTokens !== undefined
  // 401 says that we do not know who asks, 403 that who asks may not (RFC 9110 §15.5.2, §15.5.4).
  const demand = (request: FastifyRequest, allowed: Buffer[]) => {
    const digest = shownBy(request)
    if (!digest)
      throw new RejectedError(401, 'token_required', 'send "Authorization: Bearer <token>" with a valid token')
    if (!isAmong(everybody, digest)) throw new RejectedError(401, 'token_unknown', 'this token is not valid here')
    if (!isAmong(allowed, digest)) throw new RejectedError(403, 'token_refused', 'this token does not give access here')
  }
  return {
    async operator(request) {
      if (operators.length > 0) demand(request, operators)
    },
    async customer(request) {
      if (areCustomersAsked) demand(request, everybody)
    },
    customerOf(request) {
      const digest = shownBy(request)
      if (!digest || isAmong(operators, digest)) return undefined
      return customers.filter((one) => timingSafeEqual(one.digest, digest)).at(0)?.name
    },
    holder(request) {
      const digest = shownBy(request)
      return digest && isAmong(everybody, digest) ? digest.toString('hex', 0, 8) : undefined
    },
  }
}

function shownBy(request: FastifyRequest): Buffer | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token === undefined ? undefined : digestOf(token)
}

/** Every token is compared, in constant time, so that an answer's time tells nothing. */
function isAmong(known: Buffer[], digest: Buffer): boolean {
  const matches = known.map((one) => timingSafeEqual(one, digest))
  return matches.includes(true)
}

function digests(tokens: string | undefined): Buffer[] {
  return tokens === undefined ? [] : tokens.split(',').map(digestOf)
}

interface CustomerToken {
  name: string | undefined
  digest: Buffer
}

/** @throws BrokenError `bad_configuration` when one token stands for two customers, who would see each other's orders. */
function customersOf(tokens: string | undefined): CustomerToken[] {
  const customers = (tokens?.split(',') ?? []).map((entry): CustomerToken => {
    const [token = '', name] = entry.split(':').reverse()
    return { name: name?.trim(), digest: digestOf(token) }
  })
  if (new Set(customers.map(({ digest }) => digest.toString('hex'))).size < customers.length)
    throw new BrokenError('bad_configuration', 'configuration: CUSTOMER_TOKENS: a token is there twice')
  return customers
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
