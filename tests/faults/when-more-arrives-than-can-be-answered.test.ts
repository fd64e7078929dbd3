// More orders arrive than can be answered, or than the other services take: what is beyond the bounds is refused at once
// with the time to come again, those who look after the services are served, and everything answered 202 ends.
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { metric } from '../support/metrics.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { type Answer, ask, placing } from '../support/requests.ts'
import { wholeStory } from '../support/story.ts'
import { type OrderView, type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const REQUESTS_MAX = 20
const WAITING_MAX = 60

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  const environment = { HTTP_REQUESTS_MAX: String(REQUESTS_MAX), ORDERS_WAITING_MAX: String(WAITING_MAX) }
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

const place = (form: object) => ask(`${system.url('order')}/orders`, placing(form))
const codeOf = ({ body }: Answer) => (JSON.parse(body) as { code?: string }).code

it('at once: as many as the bound are answered, the others hear 503 and when to come again', async () => {
  const initial = await stockOf(system)
  const forms = Array.from({ length: 300 }, (_, number) => orderForm('flood', number))
  // Nothing can be committed meanwhile, so that every admitted request stays under way.
  const disk = new Sqlite(join(system.dataDir, 'order-service.db'))
  disk.exec('begin immediate')
  const answers: Answer[] = []
  const asked = forms.map((form) => place(form).then((answer) => void answers.push(answer)))

  await eventually('all others are refused', () => answers.length === forms.length - REQUESTS_MAX)
  expect(await metric(system, 'order', 'http_requests_under_way')).toBe(REQUESTS_MAX)
  for (const path of ['/health/live', '/health/ready', '/metrics'])
    expect((await ask(`${system.url('order')}${path}`)).status).toBe(200)
  expect((await ask(`${system.url('order')}/orders/flood-0`)).status).toBe(503)
  disk.exec('rollback')
  disk.close()
  await Promise.all(asked)

  const byStatus = (status: number) => answers.filter((answer) => answer.status === status)
  expect([byStatus(202).length, byStatus(503).length]).toEqual([REQUESTS_MAX, forms.length - REQUESTS_MAX])
  for (const answer of byStatus(503)) {
    expect([codeOf(answer), answer.headers['retry-after']]).toEqual(['overloaded', '1'])
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  }
  expect((await system.log('order')).filter(({ msg }) => msg === 'overloaded, refusing requests')).toHaveLength(1)
  const taken = byStatus(202).map(({ body }) => (JSON.parse(body) as { orderId: string }).orderId)
  await expectAgreement(system, await toTheEnd(taken), initial)
}, 180_000)

it('for as long as another service stands still: as many as may wait are taken, and the rest once it goes on', async () => {
  const initial = await stockOf(system)
  const forms = Array.from({ length: 2 * WAITING_MAX }, (_, number) => orderForm('queue', number))
  await system.kill('inventory')
  const answers = new Map<string, Answer>()
  const refused = () => [...answers.values()].filter(({ status }) => status !== 202)
  // Orders of before that have just ended count as waiting for up to a second: whoever is refused comes again.
  await eventually(`${WAITING_MAX} are taken, and no more`, async () => {
    for (const form of forms)
      if (answers.get(form.orderId)?.status !== 202) answers.set(form.orderId, await place(form))
    return refused().length === forms.length - WAITING_MAX
  })
  for (const answer of refused())
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([503, 'backlog_full', '5'])

  await system.start('inventory')
  // The refused come again, as they were told to, until they are taken.
  await placeAll(system, forms)
  const orders = await toTheEnd(forms.map(({ orderId }) => orderId))
  await expectAgreement(system, orders, initial)
  await eventually('nothing waits anywhere', async () => Object.keys(await vhost.waiting()).length === 0)
}, 180_000)

/** An order is cancelled before its money is back. */
async function toTheEnd(orderIds: string[]): Promise<OrderView[]> {
  const orders = await endedAll(system, orderIds, 50_000)
  for (const orderId of orderIds) await wholeStory(system, orderId)
  return orders
}
