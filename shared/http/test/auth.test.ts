// Who may ask: closed by default to the outside, open on loopback, and no token tells anything of another.
import Fastify, { type FastifyRequest } from 'fastify'
import { describe, expect, it } from 'vitest'
import { CommonConfig, readConfig } from '../../runtime/config.ts'
import { keepingLog } from '../../testing/index.ts'
import { createAuth } from '../auth.ts'
import { answerError } from '../problem.ts'

const OPERATOR = 'operator-token-0123456789'
const SECOND = 'second-operator-token-0123'
const CUSTOMER = 'customer-token-0123456789'

async function asking(environment: Record<string, string>) {
  const auth = createAuth(readConfig(CommonConfig, environment))
  const app = Fastify()
  app.setErrorHandler(answerError((await keepingLog()).log))
  app.get('/operator', { onRequest: auth.operator }, async () => 'ok')
  app.get('/customer', { onRequest: auth.customer }, async () => 'ok')
  return async (url: string, authorization?: string) => {
    const answer = await app.inject({ url, headers: authorization === undefined ? {} : { authorization } })
    return answer.statusCode === 200 ? 200 : [answer.statusCode, answer.json().code, answer.headers['www-authenticate']]
  }
}

const REQUIRED = [401, 'token_required', 'Bearer']
const UNKNOWN = [401, 'token_unknown', 'Bearer']
const REFUSED = [403, 'token_refused', undefined]

describe('without tokens', () => {
  it.each(['127.0.0.1', '127.8.0.1', 'localhost', '::1'])('everything is open on loopback: %s', async (HOST) => {
    const ask = await asking({ HOST })
    expect([await ask('/operator'), await ask('/customer')]).toEqual([200, 200])
  })

  it.each(['0.0.0.0', '::', '192.168.1.7', 'orders.example.com', '127.example.com', 'localhost.example.com'])(
    'a service refuses to listen beyond loopback: %s',
    (HOST) => {
      const config = readConfig(CommonConfig, { HOST })
      expect(() => createAuth(config)).toThrow(
        expect.objectContaining({ name: 'BrokenError', code: 'tokens_required' }),
      )
    },
  )

  it('customers’ tokens do not replace operators’', () => {
    const config = readConfig(CommonConfig, { HOST: '0.0.0.0', CUSTOMER_TOKENS: CUSTOMER })
    expect(() => createAuth(config)).toThrow(/OPERATOR_TOKENS/)
  })
})

describe('with tokens', () => {
  const both = { HOST: '0.0.0.0', OPERATOR_TOKENS: `${OPERATOR},${SECOND}`, CUSTOMER_TOKENS: CUSTOMER }

  it('operators’ routes take each operator token, refuse a customer’s, and know no other', async () => {
    const ask = await asking(both)
    expect(await ask('/operator', `Bearer ${OPERATOR}`)).toBe(200)
    expect(await ask('/operator', `bearer ${SECOND}`)).toBe(200)
    expect(await ask('/operator', `Bearer ${CUSTOMER}`)).toEqual(REFUSED)
    expect(await ask('/operator', `Bearer ${OPERATOR}x`)).toEqual(UNKNOWN)
    expect(await ask('/operator', `Bearer ${OPERATOR},${SECOND}`)).toEqual(UNKNOWN)
  })

  it.each([undefined, '', OPERATOR, `Basic ${OPERATOR}`, 'Bearer', 'Bearer ', `Bearer ${OPERATOR} more`])(
    'asks for a token when there is none to read: %j',
    async (authorization) => {
      const ask = await asking(both)
      expect(await ask('/operator', authorization)).toEqual(REQUIRED)
      expect(await ask('/customer', authorization)).toEqual(REQUIRED)
    },
  )

  it('customers’ routes take customers’ and operators’ tokens', async () => {
    const ask = await asking(both)
    expect(await ask('/customer', `Bearer ${CUSTOMER}`)).toBe(200)
    expect(await ask('/customer', `Bearer ${OPERATOR}`)).toBe(200)
    expect(await ask('/customer', 'Bearer somebody-elses-token')).toEqual(UNKNOWN)
  })

  it('customers’ routes are open when only operators have tokens', async () => {
    const ask = await asking({ OPERATOR_TOKENS: OPERATOR })
    expect(await ask('/customer')).toBe(200)
    expect(await ask('/operator')).toEqual(REQUIRED)
  })
})

describe('a customer’s token with a name', () => {
  const [ANN, BOB] = ['ann-token-0123456789', 'bob-token-0123456789']
  const named = { OPERATOR_TOKENS: OPERATOR, CUSTOMER_TOKENS: `ann:${ANN},${CUSTOMER},Bob B:${BOB}` }
  const customerOf = (environment: Record<string, string>, token: string) =>
    createAuth(readConfig(CommonConfig, environment)).customerOf({
      headers: { authorization: `Bearer ${token}` },
    } as FastifyRequest)

  it('is that customer’s, a plain one and an operator’s are nobody’s', async () => {
    expect([ANN, BOB, CUSTOMER, OPERATOR, 'x'].map((token) => customerOf(named, token))).toEqual([
      'ann',
      'Bob B',
      undefined,
      undefined,
      undefined,
    ])
    const ask = await asking(named)
    expect([await ask('/customer', `Bearer ${ANN}`), await ask('/operator', `Bearer ${ANN}`)]).toEqual([200, REFUSED])
    expect(await ask('/customer', `Bearer ann:${ANN}`)).toEqual(UNKNOWN)
  })

  it('stands for one customer only', () => {
    expect(() => createAuth(readConfig(CommonConfig, { CUSTOMER_TOKENS: `ann:${ANN},bob:${ANN}` }))).toThrow(/twice/)
    expect(() => readConfig(CommonConfig, { CUSTOMER_TOKENS: 'ann:too-short' })).toThrow(/CUSTOMER_TOKENS/)
  })
})

describe('an operator’s token with a name', () => {
  const ANN = 'ann-token-0123456789'
  const named = `ann:${ANN},${OPERATOR}`
  const operatorOf = (tokens: string, token: string) =>
    createAuth(readConfig(CommonConfig, { OPERATOR_TOKENS: tokens, CUSTOMER_TOKENS: CUSTOMER })).operatorOf({
      headers: { authorization: `Bearer ${token}` },
    } as FastifyRequest)

  it('says who shows it, as the token alone and as the whole entry; every other token names nobody', () => {
    expect([ANN, `ann:${ANN}`, OPERATOR, CUSTOMER, 'x'].map((token) => operatorOf(named, token))).toEqual([
      ...['ann', 'ann'],
      ...[undefined, undefined, undefined],
    ])
  })

  it('opens what an operator’s opens, and nothing else does', async () => {
    const ask = await asking({ OPERATOR_TOKENS: named, CUSTOMER_TOKENS: CUSTOMER })
    expect(await ask('/operator', `Bearer ${ANN}`)).toBe(200)
    expect(await ask('/operator', `Bearer ann:${ANN}`)).toBe(200)
    expect(await ask('/operator', `Bearer bob:${ANN}`)).toEqual(UNKNOWN)
    expect(await ask('/operator', 'Bearer ann')).toEqual(UNKNOWN)
  })

  it('names one operator only; a name is taken off only where a whole token is left', () => {
    expect(() => operatorOf(`ann:${ANN},bob:${ANN}`, ANN)).toThrow(/names two operators/)
    expect(operatorOf('a-token:too-short', 'a-token:too-short')).toBeUndefined()
  })
})

it('a hook leaves a valid request as it is', async () => {
  const auth = createAuth(readConfig(CommonConfig, {}))
  const request = { headers: {} } as FastifyRequest
  await auth.operator(request)
  expect(request).toEqual({ headers: {} })
})
