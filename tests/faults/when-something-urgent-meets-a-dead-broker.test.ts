// RabbitMQ is killed: an urgent notification is taken and goes out all the same, and its message, which comes when the broker
// is back, sends nothing.
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { prepareSystem, type System } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode
let vhost: Vhost
let mail: MailServer
let system: System

beforeAll(async () => {
  folder = await scratchFolder()
  node = await startRabbitNode({ dir: folder.path })
  vhost = await createVhost(node.amqpUrl, node.managementUrl)
  mail = await startMailServer()
  const environment = { SMTP_URL: mail.url, LOG_LEVEL: 'info', URGENT_DIRECT_AFTER_MS: '500' }
  system = await prepareSystem({ amqpUrl: vhost.amqpUrl, environment })
  await system.start('notification')
}, 180_000)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await node?.stop()
  await folder?.remove()
}, 60_000)

const times = (id: string) => mail.accepted.get(`<${id}.email@orders.example>`) ?? 0

it('urgent notifications are sent while it is down, others once it is back, and each once', async () => {
  await node.kill()
  await eventually('the service has noticed', async () => !(await system.isReady('notification')))
  const ids: Record<string, string> = {}
  for (const priority of ['urgent', 'normal']) {
    const to = { email: `${priority}@example.org` }
    const answer = await system.post('/notifications', { to, subject: 'x', body: 'y', priority }, 'notification')
    expect(answer.status).toBe(202)
    ids[priority] = String(Object(answer.body).id)
  }
  const { urgent = '', normal = '' } = ids
  await eventually('the urgent one is sent', () => times(urgent) === 1)
  expect(times(normal)).toBe(0)

  await node.restart()
  await eventually('both messages are handled', async () => {
    const lines = await system.log('notification')
    return lines.filter(({ msg, queue }) => msg === 'handled' && queue === 'notification.email.queue').length === 2
  })
  expect([times(urgent), times(normal)]).toEqual([1, 1])
  const shown = await system.get<{ attempts: object[] }>(`/notifications/${urgent}`, 'notification')
  expect(shown).toMatchObject({ status: 'sent', attempts: [{ attempt: 1, outcome: 'sent' }] })
}, 120_000)
