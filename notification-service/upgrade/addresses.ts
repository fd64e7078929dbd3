// Addresses that an earlier version kept as they were typed get their one form, once, before anything is compared with them.
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

/** A copy that is stopped on the way begins again: what has its form is left as it is. */
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

/** Without a country, what is written as a number is left as it is, as the addresses that have their form are. */
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

/** Customers whom an earlier version kept are found by their addresses, too. */
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

/** All of it in one transaction; gives the next. */
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

/** They are known by a hash, so only whoever still knows the address can move them. */
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
