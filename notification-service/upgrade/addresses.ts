// Brings addresses that an earlier version stored as typed to their canonical form, once, before anything is compared
// with them.
import type { Database, Sql } from '@orders/shared/storage'
import { canonicalAddress, canonicalContact, type PhoneCountry } from '../canonical-addresses.ts'
import { customers, saveMailboxes } from '../customers/store.ts'
import { sameAddress } from '../domain.ts'
import { addressKey, together } from '../rules/preferences.ts'
import { preferences } from '../rules/store.ts'
import {
  customersAfter,
  forgetPreferences,
  isUpgraded,
  renameSuppressed,
  type Suppressed,
  saveTold,
  saveUpgraded,
  suppressedAfter,
  type Told,
  toldAfter,
} from './store.ts'

const PAGE = 500

/** May be interrupted: the next start begins again, and addresses in canonical form stay as they are. */
export async function upgradeAddresses(database: Database, country: PhoneCountry, at: string): Promise<void> {
  if (await isUpgraded(database, 'addresses have one form')) return
  for (let told = await toldAfter(database, 0, PAGE); told.length > 0; )
    told = await page(
      database,
      told,
      (tx, one) => upgradeTold(tx, one, country),
      (last) => toldAfter(database, last.sequence, PAGE),
    )
  await upgradeSuppressions(database, country)
  for (let ids = await customersAfter(database, '', PAGE); ids.length > 0; )
    ids = await page(
      database,
      ids,
      (tx, id) => upgradeCustomer(tx, id, country),
      (last) => customersAfter(database, last, PAGE),
    )
  await database.transaction((tx) => saveUpgraded(tx, 'addresses have one form', at))
}

/**
 * Without a country, numbers without a country code only lose their separators. Addresses in canonical form stay as
 * they are.
 */
export async function upgradeSuppressions(database: Database, country: PhoneCountry): Promise<void> {
  const first: Suppressed = { channel: 'email', address: '' }
  for (let all = await suppressedAfter(database, first, PAGE); all.length > 0; )
    all = await page(
      database,
      all,
      (tx, one) => upgradeSuppressed(tx, one, country),
      (last) => suppressedAfter(database, last, PAGE),
    )
}

/** Adds the mailboxes of customers that an earlier version stored, so that they are found by their addresses. */
export async function upgradeMailboxes(database: Database, at: string): Promise<void> {
  if (await isUpgraded(database, 'addresses are found')) return
  for (let ids = await customersAfter(database, '', PAGE); ids.length > 0; )
    ids = await page(database, ids, upgradeMailboxesOf, (last) => customersAfter(database, last, PAGE))
  await database.transaction((tx) => saveUpgraded(tx, 'addresses are found', at))
}

async function upgradeMailboxesOf(tx: Sql, id: string): Promise<void> {
  const known = (await customers.load(tx, [id])).get(id)
  if (known) await saveMailboxes(tx, [known])
}

/** Upgrades one page of rows in one transaction. Resolves with the next page. */
export async function page<Row>(
  database: Database,
  rows: readonly Row[],
  upgrade: (tx: Sql, row: Row) => Promise<void>,
  next: (last: Row) => Promise<Row[]>,
): Promise<Row[]> {
  await database.transaction(async (tx) => {
    for (const row of rows) await upgrade(tx, row)
  })
  const last = rows.at(-1)
  return last === undefined ? [] : next(last)
}

async function upgradeTold(tx: Sql, told: Told, country: PhoneCountry): Promise<void> {
  const { sequence, email, sms } = told
  const after = {
    sequence,
    email: email && canonicalAddress('email', email, country),
    sms: sms && canonicalAddress('sms', sms, country),
  }
  if (after.email === email && after.sms === sms) return
  await saveTold(tx, after)
  for (const channel of ['email', 'sms'] as const) {
    const [before, now] = [told[channel], after[channel]]
    if (before !== null && now !== null)
      await movePreferences(tx, addressKey(channel, before), addressKey(channel, now))
  }
}

/** Preferences are stored under a hash of the address, so they can be moved only while the old address is known. */
export async function movePreferences(tx: Sql, before: string, now: string): Promise<void> {
  if (before === now) return
  const known = await preferences.load(tx, [before, now])
  const moved = known.get(before)
  if (!moved) return
  const there = known.get(now)
  await preferences.save(tx, [
    { key: now, before: there, after: { ...together(moved, there), updatedAt: moved.updatedAt ?? '' } },
  ])
  await forgetPreferences(tx, before)
}

async function upgradeSuppressed(tx: Sql, suppressed: Suppressed, country: PhoneCountry): Promise<void> {
  const { channel, address } = suppressed
  const name = sameAddress(channel, canonicalAddress(channel, address, country))
  if (name !== address) await renameSuppressed(tx, suppressed, name)
}

async function upgradeCustomer(tx: Sql, id: string, country: PhoneCountry): Promise<void> {
  const before = (await customers.load(tx, [id])).get(id)
  if (!before) return
  const addresses = canonicalContact(before.addresses, country)
  if (JSON.stringify(addresses) === JSON.stringify(before.addresses)) return
  await customers.save(tx, [{ key: id, before, after: { ...before, addresses } }])
}
