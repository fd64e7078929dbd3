// PostgreSQL is stopped, killed, or throws every session out, under load, and comes back: what cannot be kept is refused or
// waits, no process ends, and every order does.
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../scripts/postgres/server.ts'
import { failedMessages } from '../support/dead-letters.ts'
import { completedOf, endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { query } from '../support/postgres.ts'
import { startPostgresWire } from '../support/postgres-wire.ts'
import { wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
let postgres: PostgresServer
let vhost: Vhost
let system: System

beforeAll(async () => {
  folder = await scratchFolder()
  postgres = await startPostgres({ dir: folder.path })
  vhost = await createVhost()
  system = await startSystem({
    amqpUrl: vhost.amqpUrl,
    environment: { DATABASE_URL: `${postgres.url}/{service}` },
  })
}, 180_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
  await postgres?.stop()
  await folder?.remove()
}, 60_000)

it.each([
  { how: 'stopped', away: () => postgres.stop() },
  { how: 'killed', away: () => postgres.kill() },
])(
  '$how: POST answers 503 with Retry-After, messages wait, and all orders end once it is back',
  async ({ how, away }) => {
    const initial = await stockOf(system)
    const forms = Array.from({ length: 60 }, (_, number) => orderForm(how, number))
    const placing = placeAll(system, forms)
    await eventually('orders are under way', async () => typeof (await system.order(`${how}-15`)).status === 'string')
    await away()

    const refused = await fetch(`${system.url('order')}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(orderForm(how, 0)),
    })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refused.json()).toMatchObject({ code: 'database_unavailable' })
    expect((await fetch(`${system.url('order')}/orders/${how}-0`)).status).toBe(503)
    for (const service of serviceNames) {
      expect((await fetch(`${system.url(service)}/health/live`)).status).toBe(200)
      const readiness = await fetch(`${system.url(service)}/health/ready`)
      expect(readiness.status).toBe(503)
      expect(await readiness.text()).toContain('database: ')
    }

    await postgres.restart()
    await placing
    await expectAllEnded(forms, initial)
  },
  180_000,
)

it('a service that loses its server while it starts begins anew, and its process lives', async () => {
  const wire = await startPostgresWire(postgres.url)
  try {
    await system.kill('shipping')
    wire.cutAfter('commit')
    const running = await system.launch('shipping', 1, { DATABASE_URL: `${wire.url}/{service}` })
    await eventually('shipping-service is ready', () => system.isReady('shipping'), 45_000)
    expect((await system.log('shipping')).map(({ msg }) => msg)).toContain('cannot start yet, trying again')
    const ended = await Promise.race([running.exited, undefined])
    expect(ended).toBeUndefined()
    await system.kill('shipping')
    await system.start('shipping')
  } finally {
    await wire.close()
  }
}, 120_000)

it('throwing every session out, again and again: nobody who asks for an order is told, and all orders end', async () => {
  const initial = await stockOf(system)
  const forms = Array.from({ length: 100 }, (_, number) => orderForm('thrown-out', number))
  let isPlaced = false
  const placing = placeAll(system, forms).finally(() => {
    isPlaced = true
  })
  let thrownOut = 0
  while (!isPlaced) {
    const [{ count } = { count: 0 }] = await query<{ count: number }>(
      `${postgres.url}/postgres`,
      `select count(pg_terminate_backend(pid))::int as count from pg_stat_activity
       where application_name like '%-service' and state <> 'idle'`,
    )
    thrownOut += count
  }
  await placing

  expect(thrownOut).toBeGreaterThan(0)
  await expectAllEnded(forms, initial)
}, 180_000)

async function expectAllEnded(
  forms: { orderId: string }[],
  initial: Awaited<ReturnType<typeof stockOf>>,
): Promise<void> {
  const ids = forms.map(({ orderId }) => orderId)
  const orders = await endedAll(system, ids, 120_000)
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(completedOf(forms))
  for (const id of ids) await wholeStory(system, id)
  // No outage of the database costs a message its attempts.
  expect(await failedMessages(system)).toEqual([])
  await eventually('no message waits anywhere', async () => Object.keys(await vhost.waiting()).length === 0)
  await expectAgreement(system, orders, initial)
  expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
}
