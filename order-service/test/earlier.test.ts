// Who the customers of earlier orders are is encrypted once encryption is switched on, in place, and can then be forgotten like anybody else's.
import { join } from 'node:path'
import { registry, topology } from '@orders/shared/contracts'
import { createGroupCommit, createOutbox, keyOpener, openMaster, openPersonal } from '@orders/shared/messaging'
import { insert, migrate, openSqlite } from '@orders/shared/storage'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { sealEarlier } from '../earlier/seal.ts'
import { orders } from '../store.ts'

const AT = '2026-11-21T08:30:00.000Z'
const CUSTOMER = 'cus_abcdefghijklmnopqrstuvwxyz'
const placed = {
  user: 'Zephyrine',
  name: 'Zephyrine Marmalade',
  contact: { email: 'zephyrine@example.org' },
  priority: 'standard',
  lines: [{ sku: 'item1', quantity: 1 }],
}

async function open() {
  const folder = await scratchFolder()
  const stored = openSqlite(join(folder.path, 'order.db'), join(folder.path, 'order.keys.db'))
  const shared = join(import.meta.dirname, '..', '..', 'shared', 'storage', 'migrations')
  await migrate(stored, [shared, join(import.meta.dirname, '..', 'migrations')])
  const { log } = await keepingLog('order-service')
  const masterKey = Buffer.alloc(32, 'one').toString('base64')
  const master = openMaster({ masterKey, dataDir: '' }, log)
  const { vault, database, seal } = await openPersonal({ database: stored, registry, master, isSealing: true, log })
  const broker = createMemoryBroker(topology).connect('order-service')
  const now = () => new Date(AT)
  const outbox = createOutbox({ database, broker, log, now })
  const commit = createGroupCommit({ database, outbox, service: 'order-service', registry, now, seal })
  onTestFinished(async () => {
    await commit.close()
    await outbox.close()
    await broker.close(0)
    await stored.close()
    await folder.remove()
  })
  return { stored, database, vault, log, openKey: keyOpener(vault, database, commit, now) }
}

const ids = Array.from({ length: 120 }, (_, index) => `order-${index}`)

it('is encrypted, and read as before; once they are forgotten nothing of it is left', async () => {
  const { stored, database, vault, log, openKey } = await open()
  await insert(
    stored,
    'facts (order_id, type, at, data, personal)',
    ids.flatMap((id, index) => [
      // Some by a version that knows how to, but was told not to encrypt.
      [
        id,
        'order.created',
        AT,
        JSON.stringify(placed),
        index % 2 === 0 ? null : JSON.stringify({ customerId: CUSTOMER }),
      ],
      [id, 'payment.success', AT, '{}', null],
    ]),
  )
  await insert(
    stored,
    'orders (order_id, user_name, customer_id, status, created_at, updated_at)',
    ids.map((id) => [id, placed.user, CUSTOMER, 'paid', AT, AT]),
  )
  const before = await orders.load(database, ids)
  await sealEarlier({ database, openKey, log }).done
  const rows = await stored.all('select facts.data, personal, user_name from facts join orders using (order_id)')
  expect(JSON.stringify(rows).toLowerCase()).not.toContain('zephyrine')
  const after = await orders.load(database, ids)
  for (const id of ids)
    expect(after.get(id)).toEqual(
      before
        .get(id)
        ?.map((fact) =>
          fact.type === 'order.created' ? { ...fact, data: { ...fact.data, customerId: CUSTOMER } } : fact,
        ),
    )
  // Once only.
  await expect(stored.run(`update facts set personal = 'another' where type = 'order.created'`)).rejects.toThrow(
    'append-only',
  )
  await stored.run('update keys.personal_keys set wrapped = null, forgotten_at = ?', AT)
  vault.drop([CUSTOMER])
  expect((await orders.load(database, ids)).get('order-1')?.[0]).toMatchObject({ data: { user: 'forgotten' } })
})

it('of whoever is forgotten already is emptied, and they get no new key', async () => {
  const { stored, database, log, openKey } = await open()
  await insert(stored, 'facts (order_id, type, at, data)', [['1', 'order.created', AT, JSON.stringify(placed)]])
  await insert(stored, 'orders (order_id, user_name, customer_id, status, created_at, updated_at)', [
    ['1', placed.user, CUSTOMER, 'paid', AT, AT],
  ])
  await insert(stored, 'keys.personal_keys (key_id, owner_id, wrapped, master_id, created_at, kept_at, forgotten_at)', [
    ['k'.repeat(16), CUSTOMER, null, '', AT, AT, AT],
  ])
  await sealEarlier({ database, openKey, log }).done
  expect(await stored.all('select personal, user_name from facts join orders using (order_id)')).toEqual([
    { personal: '', user_name: '' },
  ])
  expect(await stored.all('select key_id from keys.personal_keys')).toHaveLength(1)
})
