// All services at one place, over an in-memory broker on which some answer and others do not.
import { topology } from '@orders/shared/contracts'
import type { Delivery } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { auditService } from '../../service.ts'
import { state } from '../operations-suite.ts'

const token = 'a-token-of-an-operator'
const by = { operator: 'ann', reason: 'the gateway is back' }
const id = '0123456789abcdef'.repeat(2)
const retry = {
  ...{ id, queue: 'payment.queue', type: 'payment.void', subject: '123', attempts: 2 },
  ...{ dueAt: '2026-11-21T09:00:00.000Z', endsAt: null, waitsFor: null, keptAt: '2026-11-21T08:00:00.000Z' },
  ...{ code: 'gateway_unavailable', why: 'it does not answer', history: [] },
}

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let broker: MemoryBroker
let service: RunningService

beforeEach(async () => {
  scratch = await scratchFolder()
  broker = createMemoryBroker(topology)
  const config = { ...readConfig(AuditConfig, { DATA_DIR: scratch.path, OPERATOR_TOKENS: token }), portBase: 0 }
  const { log } = await keepingLog('audit-service')
  service = await startService(auditService, config, {
    log,
    openBroker: (name) => broker.connect(name),
    broken: (error) => {
      throw error
    },
  })
})
afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await scratch.remove()
})

async function ask(method: string, path: string, body?: object) {
  const answer = await fetch(service.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, never> & { services: object[] } }
}

/** Takes the place of payment-service; gives what it was asked. */
function answering(answers: Record<string, object>) {
  const asked: string[] = []
  const connection = broker.connect('payment-service')
  connection.subscribe('payment.ops.queue', 10, (question: Delivery) => {
    const type = question.properties.type ?? ''
    asked.push(`${type} ${question.body.toString()}`)
    const unknown = { ok: false, status: 400, code: 'unknown_type', message: `no answer to ${type}` }
    connection.reply(question, Buffer.from(JSON.stringify(answers[type] ?? unknown)))
    question.ack()
  })
  return asked
}

const refusal = { ok: false, status: 409, code: 'under_way', message: 'it is being handled' }

describe('GET /operations/services', () => {
  it('shows every service of the list: audit-service answers itself, and who is away is told as not answering', async () => {
    answering({ 'operations.state': { ok: true, reply: state({ openBreakers: ['gateway'] }) } })
    const { services } = (await ask('GET', '/operations/services')).body
    expect(services).toHaveLength(6)
    expect(services).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ service: 'payment-service', status: 'ready', openBreakers: ['gateway'] }),
        expect.objectContaining({ service: 'audit-service', status: 'ready' }),
        expect.objectContaining({ service: 'shipping-service', status: 'not_answering', since: null }),
      ]),
    )
  })

  it('knows when it last heard of one that is away', async () => {
    broker
      .connect('x')
      .tell('ops.exchange', 'service.state', Buffer.from(JSON.stringify(state({ faults: ['stopping'] }))))
    const found = await eventually('its report is kept', async () => {
      const { services } = (await ask('GET', '/operations/services')).body
      return services.find(
        (one) => 'since' in one && one.since !== null && 'service' in one && /pay/.test(String(one.service)),
      )
    })
    expect(found).toMatchObject({ status: 'not_answering', copies: [] })
  })

  it('of one whose version does not know the question, says so', async () => {
    answering({})
    const { services } = (await ask('GET', '/operations/services')).body
    expect(services).toContainEqual(
      expect.objectContaining({ service: 'payment-service', why: ['no answer to operations.state'] }),
    )
  })
})

describe('what waits in a service', () => {
  it('is shown as the service shows it', async () => {
    const asked = answering({ 'operations.retries': { ok: true, reply: { retries: [retry], next: null } } })
    const path = '/operations/services/payment-service/retries'
    expect((await ask('GET', `${path}?type=payment.void&limit=1`)).body).toEqual({ retries: [retry], next: null })
    expect(asked).toEqual(['operations.retries {"type":"payment.void","limit":"1"}'])
  })

  it('is hastened and given up by name and reason, which are on record before it is done', async () => {
    const asked = answering({ 'operations.hasten': { ok: true, reply: retry }, 'operations.give_up': refusal })
    const path = `/operations/services/payment-service/retries/${id}`
    expect(await ask('POST', `${path}/hasten`, {})).toMatchObject({ status: 400 })
    expect(await ask('POST', `${path}/hasten`, by)).toEqual({ status: 202, body: retry })
    expect(await ask('POST', `${path}/give-up`, by)).toMatchObject({ status: 409, body: { code: 'under_way' } })
    expect(asked).toEqual([`operations.hasten {"id":"${id}"}`, `operations.give_up {"id":"${id}"}`])
    const about = { service: 'payment-service', retry: id }
    expect((await ask('GET', '/actions')).body).toMatchObject({
      actions: [
        { ...by, action: 'give_up', about },
        { ...by, action: 'hasten', about },
      ],
    })
  })

  it('of a service that does not answer is not known, and of one that is not there even less', async () => {
    // Nobody takes what is not in the topology.
    expect(await ask('GET', '/operations/services/invoice-service/retries')).toMatchObject({
      status: 404,
      body: { code: 'no_such_service' },
    })
    expect(await ask('POST', `/operations/services/invoice-service/retries/${id}/hasten`, by)).toMatchObject({
      status: 404,
    })
    expect((await ask('GET', '/actions')).body).toMatchObject({ actions: [] })
    expect(await ask('GET', '/operations/services/payment-service/retries')).toMatchObject({
      status: 504,
      body: { code: 'no_answer_in_time' },
    })
  })
})
