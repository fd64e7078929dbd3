// What notification-service stores about a customer: notifications, addresses, preferences and suppressions.
import { channels } from '@orders/shared/contracts'
import { type About, type Holding, type Holdings, recordOf, rowsOf } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { recipientsOf } from './forgetting/forget.ts'
import { knownAs, notificationsFor } from './forgetting/store.ts'

const known = (sql: Reader, { ownerId, names }: About) => knownAs(sql, [ownerId], names)

const namesIn = async (sql: Reader, about: About) => (await known(sql, about)).names
const recipientsIn = async (sql: Reader, about: About) => recipientsOf(await known(sql, about))
const addressesIn = async (sql: Reader, about: About) => {
  const { addresses } = await known(sql, about)
  return channels.flatMap((channel) => addresses[channel])
}

const notifications: Holding = {
  by: 'owner',
  async list({ sql, show }, about, { after = [0], limit }) {
    const page = { ownerId: about.ownerId, known: await known(sql, about), after: Number(after[0]), limit }
    const rows = await notificationsFor(sql, page)
    return Promise.all(
      rows.map(async (row) => ({
        place: [row.sequence],
        record: await recordOf(row, SHOWN, show),
        subject: row.id,
      })),
    )
  },
}
const SHOWN = {
  json: ['payload'],
  sealed: ['payload', 'customer_id', ...channels],
  without: channels.map((channel) => `${channel}_index`),
}

const ofNotification = { by: 'subjects', column: 'notification_id' } as const

export const holdings: Holdings = {
  notifications,
  deliveries: rowsOf('deliveries', { ...ofNotification, place: ['notification_id', 'channel'], sealed: ['error'] }),
  attempts: rowsOf('attempts', { ...ofNotification, place: ['sequence'], sealed: ['error'] }),
  reports: rowsOf('reports', {
    ...ofNotification,
    place: ['notification_id', 'channel', 'status', 'generation'],
    sealed: ['error'],
  }),
  idempotency_keys: rowsOf('idempotency_keys', { ...ofNotification, place: ['idempotency_key'] }),
  customers: rowsOf('customers', { by: 'owner', column: 'id', values: namesIn, place: ['id'], json: ['addresses'] }),
  mailboxes: rowsOf('mailboxes', {
    ...{ by: 'owner', column: 'customer_id', values: namesIn },
    place: ['mailbox', 'customer_id'],
  }),
  preferences: rowsOf('preferences', {
    ...{ by: 'owner', column: 'recipient', values: recipientsIn, place: ['recipient'] },
    json: ['preferences'],
  }),
  throttles: rowsOf('throttles', {
    ...{ by: 'owner', column: 'recipient', values: recipientsIn, place: ['recipient'] },
    json: ['sent', 'places'],
  }),
  contacts: rowsOf('contacts', {
    ...{ by: 'owner', column: 'name', values: recipientsIn, place: ['name'] },
    json: ['named'],
  }),
  open_digests: rowsOf('open_digests', {
    ...{ by: 'owner', column: 'recipient', values: recipientsIn },
    place: ['recipient', 'channel', 'address', 'category'],
  }),
  suppressions: rowsOf('suppressions', {
    ...{ by: 'owner', column: 'address', values: addressesIn, place: ['channel', 'address'] },
  }),
  templates: 'template files, without anybody’s data',
  suppression_stops: 'providers that report too many addresses as gone',
  hook_signatures: 'signatures of providers’ callbacks, without their content',
  paces: 'the rate of each channel',
  job_runs: 'runs of jobs',
  upgrades: 'upgrades that were made',
}
