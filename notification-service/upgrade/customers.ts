// Merges customers that an earlier version stored once for each spelling of their name, once.
import { canonicalUser } from '@orders/shared/contracts'
import type { Database, Sql } from '@orders/shared/storage'
import { customers } from '../customers/store.ts'
import { customerIdIn, customerKey, spelledKey } from '../rules/preferences.ts'
import { movePreferences, page } from './addresses.ts'
import {
  customersAfter,
  forgetCustomer,
  isUpgraded,
  namedAfter,
  recipientsAfter,
  renameNotifications,
  saveUpgraded,
} from './store.ts'

const PAGE = 500
const UPGRADE = 'customers have one name'

/** May be interrupted: the next start begins again, and names in canonical form stay as they are. */
export async function upgradeCustomers(database: Database, at: string): Promise<void> {
  if (await isUpgraded(database, UPGRADE)) return
  const known = [
    { after: customersAfter, upgrade: upgradeCustomer },
    { after: namedAfter, upgrade: upgradeCustomer },
    { after: recipientsAfter, upgrade: upgradeRecipient },
  ]
  for (const { after, upgrade } of known)
    for (let all = await after(database, '', PAGE); all.length > 0; )
      all = await page(database, all, upgrade, (last) => after(database, last, PAGE))
  await database.transaction((tx) => saveUpgraded(tx, UPGRADE, at))
}

/** Customers that have preferences only. */
const upgradeRecipient = (tx: Sql, recipient: string) => upgradeCustomer(tx, customerIdIn(recipient) ?? '')

async function upgradeCustomer(tx: Sql, spelled: string): Promise<void> {
  const name = canonicalUser(spelled)
  // A name of spaces only names no customer.
  if (name === spelled || name === '') return
  await moveCustomer(tx, spelled, name)
  await movePreferences(tx, spelledKey(spelled), customerKey(name))
  await renameNotifications(tx, spelled, name)
}

/** Keeps whichever of the two was updated last. */
async function moveCustomer(tx: Sql, spelled: string, name: string): Promise<void> {
  const known = await customers.load(tx, [spelled, name])
  const [moved, there] = [known.get(spelled), known.get(name)]
  if (!moved) return
  if (!there || there.updatedAt < moved.updatedAt)
    await customers.save(tx, [{ key: name, before: there, after: { ...moved, id: name } }])
  await forgetCustomer(tx, spelled)
}
