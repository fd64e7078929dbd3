// Brings webhooks and push subscriptions that an earlier version stored as typed to their canonical form, once, with
// everything that is stored under them.
import type { Database, Sql } from '@orders/shared/storage'
import { canonicalAddress, canonicalContact } from '../canonical-addresses.ts'
import { customers } from '../customers/store.ts'
import { addressKey, keyOfText } from '../rules/preferences.ts'
import { movePreferences, page, upgradeSuppressions } from './addresses.ts'
import { customersAfter, isUpgraded, type Reached, reachedAfter, saveReached, saveUpgraded } from './store.ts'

const PAGE = 500
const CHANNELS = ['push', 'webhook'] as const

/** May be interrupted: the next start begins again, and endpoints in canonical form stay as they are. */
export async function upgradeEndpoints(database: Database, at: string): Promise<void> {
  if (await isUpgraded(database, 'endpoints have one form')) return
  for (let reached = await reachedAfter(database, 0, PAGE); reached.length > 0; )
    reached = await page(database, reached, upgradeReached, (last) => reachedAfter(database, last.sequence, PAGE))
  await upgradeSuppressions(database, undefined)
  for (let ids = await customersAfter(database, '', PAGE); ids.length > 0; )
    ids = await page(database, ids, upgradeCustomer, (last) => customersAfter(database, last, PAGE))
  await database.transaction((tx) => saveUpgraded(tx, 'endpoints have one form', at))
}

async function upgradeReached(tx: Sql, reached: Reached): Promise<void> {
  const { push, webhook } = reached
  const after = {
    push: push && canonicalAddress('push', push, undefined),
    webhook: webhook && canonicalAddress('webhook', webhook, undefined),
  }
  // Saved even if the address did not change, since the hash in its index column has changed.
  await saveReached(tx, { ...reached, ...after })
  await moveDecisions(tx, { push: push ?? '', webhook: webhook ?? '' })
}

async function upgradeCustomer(tx: Sql, id: string): Promise<void> {
  const before = (await customers.load(tx, [id])).get(id)
  const { push = '', webhook = '' } = before?.addresses ?? {}
  if (!before || push + webhook === '') return
  const addresses = canonicalContact(before.addresses, undefined)
  // `save` also saves the mailboxes.
  await customers.save(tx, [{ key: id, before, after: { ...before, addresses } }])
  await moveDecisions(tx, { push, webhook })
}

/** Moves preferences from the key of the address as typed, which earlier versions used. */
async function moveDecisions(tx: Sql, typed: Record<(typeof CHANNELS)[number], string>): Promise<void> {
  for (const channel of CHANNELS) {
    const address = typed[channel]
    if (address === '') continue
    const now = addressKey(channel, canonicalAddress(channel, address, undefined))
    await movePreferences(tx, keyOfText(`${channel} ${address}`), now)
  }
}
