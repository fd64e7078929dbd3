// Somebody else holds the write lock of a service's database, a backup for example, or its disk is full: what cannot be
// kept is refused or waits, nothing is half done, and everything goes on as soon as the database can be written again.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Running } from '../../scripts/processes/child.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { wholeStory } from '../support/story.ts'
import { prepareSystem, type ServiceName, type System, serviceNames } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost
let system: System
const running = new Map<ServiceName, Running>()

beforeAll(async () => {
  vhost = await createVhost()
  system = await prepareSystem({
    amqpUrl: vhost.amqpUrl,
    preload: join(import.meta.dirname, '../support/full-disk.mjs'),
    environment: { LOG_LEVEL: 'info' },
  })
  for (const service of serviceNames) running.set(service, await system.launch(service))
  for (const service of serviceNames)
    await eventually(`${service}-service is ready`, () => system.isReady(service), 45_000)
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

it('locked for longer than the patience: POST answers 503, messages wait, reading goes on, and then all orders end', async () => {
  const initial = await stockOf(system)
  const before = Array.from({ length: 20 }, (_, number) => orderForm('before', number))
  const locks = [databaseOf('inventory')]
  for (const lock of locks) lock.exec('begin immediate')
  await placeAll(system, before)
  const orders = databaseOf('order')
  orders.exec('begin immediate')
  locks.push(orders)

  const forms = Array.from({ length: 5 }, (_, number) => orderForm('locked', number))
  const refused = system.post('/orders', orderForm('locked', 0))
  // Waiting for a lock holds nobody up who does not need it.
  const prompt = { signal: AbortSignal.timeout(5_000) }
  for (const path of ['/health/live', '/health/ready', '/orders/before-0', '/metrics'])
    expect((await fetch(`${system.url('order')}${path}`, prompt)).status).toBe(200)
  expect(await refused).toMatchObject({ status: 503, body: { code: 'database_locked' } })
  await eventually('inventory-service takes no message any more', () => hasPaused('inventory'))
  for (const lock of locks) {
    lock.exec('rollback')
    lock.close()
  }

  await placeAll(system, forms)
  await expectAllEnded([...before, ...forms], initial)
}, 180_000)

it('full: POST answers 503 and keeps nothing, messages wait without counting attempts, and then all orders end', async () => {
  const initial = await stockOf(system)
  const before: ReturnType<typeof orderForm>[] = []
  const forms: ReturnType<typeof orderForm>[] = []
  fill('payment')
  // A page that is not full yet takes some more.
  await eventually('payment-service has let a message wait', async () => {
    before.push(orderForm('early', before.length))
    await placeAll(system, before.slice(-1))
    return hasPaused('payment')
  })
  fill('order')
  const refused = await eventually('an order is refused', async () => {
    const form = orderForm('full', forms.length)
    forms.push(form)
    const answer = await fetch(`${system.url('order')}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(form),
    })
    return answer.status === 503 && { form, answer }
  })
  expect(refused.answer.headers.get('retry-after')).toBe('1')
  expect(await refused.answer.json()).toMatchObject({ code: 'disk_full' })
  expect(await system.order(refused.form.orderId)).toMatchObject({ status: 404 })
  for (const service of ['payment', 'order'] as const) free(service)

  await placeAll(system, forms)
  await expectAllEnded([...before, ...forms], initial)
  const lines = await system.log('payment')
  expect(lines.filter(({ attempt }) => Number(attempt) > 1)).toEqual([])
  // One line when it begins, and one when it ends, however many messages wait; where a page is not full yet, what is written to
  // see whether it is over may still fit, and then it begins again.
  const said = lines.filter(({ msg }) => msg === PAUSED || msg === RESUMED).map(({ msg }) => msg)
  expect(said).toEqual(said.map((_, index) => (index % 2 === 0 ? PAUSED : RESUMED)))
  expect([said.length % 2, said.length <= 6]).toEqual([0, true])
}, 180_000)

it('at the start already: the last line says what is wrong, and the exit code is 1', async () => {
  const other = await prepareSystem({ amqpUrl: vhost.amqpUrl })
  try {
    const noFolder = fileURLToPath(import.meta.url)
    const started = await other.launch('audit', 1, { DATA_DIR: noFolder })
    expect(await started.exited).toMatchObject({ code: 1 })
    const [last] = (await other.log('audit')).slice(-1)
    expect(last).toMatchObject({ level: 60, msg: expect.stringMatching(/^cannot start: .*(ENOTDIR|EEXIST)/) })
  } finally {
    await other.stop()
  }
})

const PAUSED = 'the database is unavailable: consumers pause'
const RESUMED = 'the database is back: consumers resume'
const hasPaused = async (service: ServiceName) => (await system.log(service)).some(({ msg }) => msg === PAUSED)

/** Takes what is free in the file, and lets it grow no more. */
function fill(service: ServiceName): void {
  const database = databaseOf(service)
  database.exec('create table filler (bytes blob)')
  database.pragma(`max_page_count = ${database.pragma('page_count', { simple: true })}`)
  const insert = database.prepare('insert into filler (bytes) values (zeroblob(1000))')
  expect(() => {
    for (;;) insert.run()
  }).toThrow('database or disk is full')
  database.close()
  running.get(service)?.send({ isDiskFull: true })
}

function free(service: ServiceName): void {
  running.get(service)?.send({ isDiskFull: false })
}

function databaseOf(service: string): Sqlite.Database {
  return new Sqlite(join(system.dataDir, `${service}-service.db`))
}

async function expectAllEnded(
  forms: { orderId: string }[],
  initial: Awaited<ReturnType<typeof stockOf>>,
): Promise<void> {
  const ids = forms.map(({ orderId }) => orderId)
  const orders = await endedAll(system, ids, 50_000)
  expect(orders.map(({ reason }) => reason).filter((reason) => reason === 'gateway_unavailable')).toEqual([])
  for (const id of ids) await wholeStory(system, id)
  // Of a refund order-service hears too, and says nothing of it.
  await eventually('no message waits', async () => Object.keys(await vhost.waiting()).length === 0)
  await expectAgreement(system, orders, initial)
}
