// The tables of notification-service: how each is rebuilt, and how long its rows are kept.
import type { Table, Tables } from '@orders/shared/runtime'
import { hookSignatures } from './channels/store.ts'
import { keyedRequests } from './intake/store.ts'
import { contacts, throttles } from './rules/store.ts'
import { tellings } from './store.ts'

const idle = (key: string, state: typeof throttles | typeof contacts | typeof hookSignatures): Table => ({
  rebuilt: 'disposable',
  kept: { days: 'keepNotesDays', key, since: `coalesce(touched_at, '')`, ended: '1 = 1', state },
})
const backupOnly = (forEver: string): Table => ({ rebuilt: 'backup only', kept: { forEver } })

export const tables: Tables = {
  // Those about orders can be derived from the log. Direct notifications are in no event.
  notifications: {
    rebuilt: 'derived',
    kept: {
      days: 'keepDays',
      key: 'id',
      since: 'created_at',
      // A channel without a row is waiting.
      ended: `(select count(*) from deliveries where deliveries.notification_id = notifications.id
        and deliveries.status not in ('held', 'waiting') and deliveries.call_provider is null) >= notifications.channels`,
      also: [
        { table: 'deliveries', column: 'notification_id' },
        { table: 'reports', column: 'notification_id' },
        { table: 'attempts', column: 'notification_id' },
      ],
      state: tellings,
    },
  },
  deliveries: { rebuilt: 'derived', kept: { with: 'notifications' } },
  attempts: { rebuilt: 'disposable', kept: { with: 'notifications' } },
  reports: { rebuilt: 'disposable', kept: { with: 'notifications' } },
  idempotency_keys: {
    rebuilt: 'backup only',
    kept: {
      days: 'keepDays',
      key: 'idempotency_key',
      ended: 'not exists (select 1 from notifications where notifications.id = idempotency_keys.notification_id)',
      state: keyedRequests,
    },
  },
  templates: {
    rebuilt: 'derived',
    kept: { forEver: 'a notification keeps its text, and templates change seldom' },
  },
  customers: backupOnly('the shop’s data about its customers; removed when a customer is forgotten'),
  mailboxes: backupOnly('a customer’s preferences also apply to notifications to their address alone'),
  preferences: backupOnly('a customer’s choices apply until the customer changes them'),
  suppressions: backupOnly('an address stays suppressed until an operator removes it'),
  suppression_stops: { rebuilt: 'disposable', kept: { forEver: 'one row for each provider' } },
  throttles: idle('recipient', throttles),
  contacts: idle('name', contacts),
  // A signature is accepted for minutes only.
  hook_signatures: idle('signature', hookSignatures),
  open_digests: { rebuilt: 'disposable', kept: { until: 'the digest is closed' } },
  paces: { rebuilt: 'disposable', kept: { forEver: 'one row for each channel with a rate limit: its next free turn' } },
  job_runs: { rebuilt: 'disposable', kept: { forEver: 'one short row a day: the summaries that were sent' } },
  upgrades: { rebuilt: 'disposable', kept: { forEver: 'one row for each upgrade of stored data' } },
}
