// Somebody else holds the write lock of a service's database, a backup for example, or its disk is full: what cannot be
// kept is refused or waits, nothing is half done, and everything goes on as soon as the database can be written again.
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
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
  await eventually('inventory-service has given a message up for now', async () => {
    const lines = await system.log('inventory')
    return lines.some(({ msg, code }) => msg === 'failed, will be tried again' && code === 'database_locked')
  })
  for (const lock of locks) {
    lock.exec('rollback')
    lock.close()
  }

  await placeAll(system, forms)
  await expectAllEnded([...before, ...forms], initial)
})

it('full: POST answers 500 and keeps nothing, messages wait, and then all orders end', async () => {
  const initial = await stockOf(system)
  const before = Array.from({ length: 10 }, (_, number) => orderForm('early', number))
  const forms = Array.from({ length: 10 }, (_, number) => orderForm('full', number))
  // SQLite rolls the whole transaction back by itself when its disk is full; so does this.
  const full = `create trigger full before insert on outbox begin select raise(rollback, 'disk is full'); end`
  const disks = [databaseOf('payment')]
  for (const disk of disks) disk.exec(full)
  await placeAll(system, before)
  await eventually('payment-service has given a message up for now', async () => {
    const lines = await system.log('payment')
    return lines.some(({ msg, why }) => msg === 'failed, will be tried again' && why === 'disk is full')
  })
  const orders = databaseOf('order')
  orders.exec(full)
  disks.push(orders)
  for (const form of forms) {
    expect(await system.post('/orders', form)).toMatchObject({ status: 500, body: { code: 'internal_error' } })
    expect(await system.order(form.orderId)).toMatchObject({ status: 404 })
  }
  for (const disk of disks) {
    disk.exec('drop trigger full')
    disk.close()
  }

  await placeAll(system, forms)
  await expectAllEnded([...before, ...forms], initial)
})

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
  expect(await vhost.waiting()).toEqual({})
  await expectAgreement(system, orders, initial)
}
