// `npm run rebuild-orders`: derives the `orders` table from the facts again. The service may run meanwhile.
import { orders as domain } from '@orders/shared/contracts'
import { openMaster, openPersonal } from '@orders/shared/messaging'
import { createLog, readConfig } from '@orders/shared/runtime'
import { openDatabase } from '@orders/shared/storage'
import { OrderConfig } from './config.ts'
import { openPseudonyms } from './customers.ts'
import { fillCustomers, rebuildOrders } from './store.ts'

const config = readConfig(OrderConfig, process.env)
const stored = await openDatabase('order-service', config.dataDir, config.databaseUrl)
try {
  const log = await createLog({ service: 'order-service', level: 'warn', pretty: false })
  const sealing = { master: openMaster(config, log), isSealing: config.encryptPersonal, log }
  const { database } = await openPersonal({ database: stored, registry: domain.registry, ...sealing })
  const orders = await rebuildOrders(database, (count) => process.stdout.write(`\r${count} orders derived`))
  await fillCustomers(database, await openPseudonyms(database))
  process.stdout.write(`\r${orders} orders derived from their facts\n`)
} finally {
  await stored.close()
}
