// A service whose database is lost, or put back from a copy, says that it has forgotten what it published; nobody else does.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, it } from 'vitest'
import { backUp } from '../../scripts/backup/back-up.ts'
import { putBack } from '../../scripts/backup/put-back.ts'
import { type ServiceName, type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost
let system: System
let copies: Awaited<ReturnType<typeof scratchFolder>>

beforeAll(async () => {
  vhost = await createVhost()
  copies = await scratchFolder()
  system = await startSystem({ amqpUrl: vhost.amqpUrl, copies: 2 })
}, 120_000)
afterAll(async () => {
  await system?.stop()
  await copies?.remove()
  await vhost?.remove()
}, 60_000)

const order = async (orderId: string) => {
  await system.post('/orders', { orderId, user: 'gayal', items: ['item1'] })
  await system.ended(orderId)
}
const stopBoth = async (service: ServiceName) => {
  for (const copy of [1, 2]) await system.terminate(service, copy)
}
/** What a copy says of itself once it has asked the audit. */
const readiness = (service: ServiceName, copy = 1) =>
  fetch(`${system.url(service, copy)}/health/ready`).then(
    (answer) => answer.text(),
    () => 'does not listen yet',
  )
const saysBehind = (service: ServiceName, copy: number) =>
  eventually(
    `${service} ${copy} says that it is behind`,
    async () => (await readiness(service, copy)).includes('database_behind'),
    45_000,
  )

it('is said by both copies of a service whose database was set back, by those of a new one, and by no others', async () => {
  await order('before')
  const { dataDir } = system
  const options = { dataDir, now: new Date() }
  await backUp({
    ...{ ...options, what: 'data', services: ['payment-service'], to: copies.path, version: '0.1.0' },
    progress: () => undefined,
  })
  await order('since')
  await stopBoth('payment')
  await putBack({ ...options, from: copies.path, force: true })
  for (const copy of [1, 2]) await system.launch('payment', copy)
  for (const copy of [1, 2]) await saysBehind('payment', copy)

  // What it says from now on does not hide what it has forgotten.
  for (const orderId of ['a', 'b', 'c']) await order(orderId)
  await stopBoth('payment')
  await system.launch('payment')
  await saysBehind('payment', 1)

  await stopBoth('shipping')
  for (const suffix of ['', '-wal', '-shm']) await rm(join(dataDir, `shipping-service.db${suffix}`), { force: true })
  await system.launch('shipping')
  await saysBehind('shipping', 1)

  // One that only starts again knows all that it has said.
  await stopBoth('inventory')
  await system.launch('inventory', 1, { LOG_LEVEL: 'info' })
  await eventually(
    'inventory-service has asked',
    async () =>
      (await system.log('inventory')).some(({ msg }) => msg === 'the database has everything that was published'),
    45_000,
  )
  await eventually('inventory-service is ready', () => system.isReady('inventory'))
}, 240_000)
