// Before every test of functions and of whole services: a route of theirs that answers what its document does not say fails it.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { refusalsOf } from '../answers.ts'
import { type Access, accessOf } from '../auth.ts'

/** Said by fastify of every server that it makes, before the first route. */
const MADE = 'fastify.initialization'

let undeclared: string[] = []

function watch(message: unknown): void {
  const { fastify } = message as { fastify: FastifyInstance }
  const accesses = new Map<FastifySchema | undefined, Access | undefined>()
  fastify.addHook('onRoute', ({ schema, onRequest }) => void accesses.set(schema, accessOf(onRequest)))
  fastify.addHook('onSend', async (request, reply, payload) => {
    const { schema, method } = request.routeOptions
    // Only what is documented has an operation id; that every route of a service is documented, another test holds.
    if (!schema?.operationId) return
    const asked = { method: String([method].flat()[0]), schema, access: accesses.get(schema) }
    const answer = isProblem(reply) ? codeIn(payload) : typeOf(reply)
    if (!declared(asked, reply, answer)) undeclared.push(`${about(request)} answers ${reply.statusCode} ${answer}`)
  })
}

function declared(asked: Parameters<typeof refusalsOf>[0], reply: FastifyReply, answer: string): boolean {
  const { statusCode } = reply
  if (isProblem(reply))
    return refusalsOf(asked).some(({ status, codes }) => status === statusCode && codes.includes(answer))
  const { response, produces = ['application/json'] } = asked.schema ?? {}
  const shown: unknown = Object(response)[statusCode]
  if (shown === undefined) return false
  const { content, type } = Object(shown)
  if (type === 'null') return answer === ''
  return (content ? Object.keys(content) : produces).includes(answer)
}

const about = ({ method, routeOptions }: FastifyRequest) => `${method} ${routeOptions.url}`
const typeOf = (reply: FastifyReply) => String(reply.getHeader('content-type') ?? '').split(';')[0] ?? ''
const isProblem = (reply: FastifyReply) => typeOf(reply) === 'application/problem+json'
const codeIn = (payload: unknown) => String(JSON.parse(String(payload)).code)

beforeAll(() => subscribe(MADE, watch))
afterAll(() => void unsubscribe(MADE, watch))
afterEach(() => {
  const found = undeclared
  undeclared = []
  expect(found).toEqual([])
})
