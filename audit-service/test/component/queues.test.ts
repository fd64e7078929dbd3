// The queues as the management API tells of them: shown to operators only, and plainly unknown where it cannot be asked.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { topology } from '@orders/shared/contracts'
import { readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { auditService } from '../../service.ts'

const token = 'a-token-of-an-operator'

/** A management API that says this of the queues. */
async function managementThatSays(status: number, queues: object[], isOff = false): Promise<string> {
  const server = createServer((request, answer) => {
    const body = request.url?.startsWith('/api/overview') ? { disable_stats: isOff } : queues
    answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function askWith(managementUrl: string | undefined, headers = { authorization: `Bearer ${token}` }) {
  const scratch = await scratchFolder()
  onTestFinished(scratch.remove)
  const environment = { DATA_DIR: scratch.path, OPERATOR_TOKENS: token, MANAGEMENT_URL: managementUrl }
  const config = { ...readConfig(AuditConfig, environment), portBase: 0 }
  const broker = createMemoryBroker(topology)
  const { log, lines } = await keepingLog('audit-service')
  const service = await startService(auditService, config, {
    ...{ log, openBroker: (name) => broker.connect(name) },
    broken: (error) => {
      throw error
    },
  })
  onTestFinished(async () => void (await service.close()))
  const answer = await fetch(`${service.url}/operations/queues`, { headers })
  return { status: answer.status, body: await answer.json(), lines }
}

const waiting = {
  ...{ name: 'payment.queue', messages: 12, messages_unacknowledged: 2, consumers: 0, head_message_timestamp: '' },
  message_stats: { ack: 100, ack_details: { rate: 1.5 }, publish_details: { rate: 4 } },
}

it('are shown with depth, rates and age; one that nobody takes from stands first, with the next step', async () => {
  const url = await managementThatSays(200, [{ name: 'audit.queue' }, waiting, { name: 'of.a.stranger' }])
  const { status, body } = await askWith(url)
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      why: null,
      at: expect.stringMatching(/^20.*Z$/),
      queues: [
        {
          ...{ queue: 'payment.queue', service: 'payment-service', messages: 12, unacknowledged: 2, consumers: 0 },
          ...{ inPerSecond: 4, outPerSecond: 1.5, oldestSeconds: 0, oldestBy: 'watched', backsUp: 'no_consumer' },
          nextStep: 'Start payment-service: payment.queue has no consumer. The messages that wait there are not lost.',
        },
        {
          ...{ queue: 'audit.queue', service: 'audit-service', messages: 0, unacknowledged: 0, consumers: 0 },
          ...{ inPerSecond: 0, outPerSecond: 0, oldestSeconds: null, oldestBy: null, backsUp: null, nextStep: null },
        },
      ],
    },
  })
})

it.each<[why: string, status: number, queues: object[], isOff: boolean, says: RegExp]>([
  ['it refuses', 401, [], false, /management API at 127\.0\.0\.1:\d+: it answers 401$/],
  ['it says something else', 200, [{ not: 'a queue' }], false, /not a list of queues$/],
  ['its statistics are off', 200, [], true, /its statistics are off/],
])('are not known where %s', async (_, status, queues, isOff, says) => {
  const { body, lines } = await askWith(await managementThatSays(status, queues, isOff))
  expect(body).toEqual({ why: expect.stringMatching(says), at: null, queues: [] })
  expect(lines.filter(({ msg }) => msg === 'the queues of the broker cannot be seen')).toHaveLength(1)
})

it('are not asked for where that is switched off', async () => {
  const { body, lines } = await askWith('off')
  expect(body).toEqual({ why: 'MANAGEMENT_URL=off: audit-service does not ask the broker', at: null, queues: [] })
  expect(lines.map(({ msg }) => msg)).not.toContain('the queues of the broker cannot be seen')
})

it('are for operators', async () => {
  const { status } = await askWith('off', { authorization: 'Bearer of-nobody' })
  expect(status).toBe(401)
})
