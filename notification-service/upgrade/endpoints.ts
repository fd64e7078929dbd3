// Webhooks and subscriptions that an earlier version kept as they were typed get their one form, once, and what is known by them goes along.
import type { Database, Sql } from '@orders/shared/storage'
import { canonicalAddress, canonicalContact } from '../canonical-addresses.ts'
import { customers } from '../customers/store.ts'
import { addressKey, keyOfText } from '../rules/preferences.ts'
import { movePreferences, page, upgradeSuppressions } from './addresses.ts'
import { customersAfter, isUpgraded, type Reached, reachedAfter, saveReached, saveUpgraded } from './store.ts'

const PAGE = 500
const CHANNELS = ['push', 'webhook'] as const

/** A copy that is stopped on the way begins again: what has its form is left as it is. */
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
  // By whose hash a sealed one is found has changed also where it has its form.
  await saveReached(tx, { ...reached, ...after })
  await moveDecisions(tx, { push: push ?? '', webhook: webhook ?? '' })
}

async function upgradeCustomer(tx: Sql, id: string): Promise<void> {
  const before = (await customers.load(tx, [id])).get(id)
  const { push = '', webhook = '' } = before?.addresses ?? {}
  if (!before || push + webhook === '') return
  const addresses = canonicalContact(before.addresses, undefined)
  // Its mailboxes are saved with it.
  await customers.save(tx, [{ key: id, before, after: { ...before, addresses } }])
  await moveDecisions(tx, { push, webhook })
}

/** From the key by which an earlier version knew the address, as it was typed. */
async function moveDecisions(tx: Sql, typed: Record<(typeof CHANNELS)[number], string>): Promise<void> {
  for (const channel of CHANNELS) {
    const address = typed[channel]
    if (address === '') continue
    const now = addressKey(channel, canonicalAddress(channel, address, undefined))
    await movePreferences(tx, keyOfText(`${channel} ${address}`), now)
  }
}
