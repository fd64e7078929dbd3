// How long the rows of audit-service's tables are kept. The log cannot be rebuilt, since the other services are rebuilt from
// it. Without a backup, a lost log is lost evidence.
import type { Table, Tables } from '@orders/shared/runtime'

const evidence = (forEver: string): Table => ({ rebuilt: 'backup only', kept: { forEver } })
const derived = (forEver: string): Table => ({ rebuilt: 'derived', kept: { forEver } })

export const tables: Tables = {
  copies: { rebuilt: 'disposable', kept: { until: 'the copy has not reported for a day' } },
  blocks: { rebuilt: 'backup only', kept: { until: 'an archive holds its bodies (KEEP_AUDIT_DAYS); the hashes stay' } },
  archives: evidence('it names the file that holds an event'),
  archive_lease: { rebuilt: 'disposable', kept: { forEver: 'one row' } },
  dictionaries: evidence('blocks compressed with a dictionary need it'),
  subjects: evidence('the log contains the numbers of subjects'),
  kinds: evidence('the log contains the numbers of kinds'),
  places: evidence('it locates an event in the log'),
  earlier_chain: evidence('one row: whether the hash chain of an earlier version was intact'),
  tree_nodes: derived('proofs consist of these nodes'),
  tree_head: derived('one row'),
  tree_lease: { rebuilt: 'disposable', kept: { forEver: 'one row' } },
  followed: derived('one row'),
  unfinished: { rebuilt: 'derived', kept: { until: 'the order has ended' } },
  gaps: { rebuilt: 'derived', kept: { until: 'the missing event has followed' } },
  marks: evidence('one row for each epoch of a service’s database: the highest number received from it'),
  failures: {
    rebuilt: 'backup only',
    kept: {
      days: 'keepFailedDays',
      key: 'id',
      since: 'failed_at',
      // A failure that waits for an operator is never removed.
      ended: `state in ('sent_again', 'archived')`,
    },
  },
  resends: {
    rebuilt: 'backup only',
    kept: {
      days: 'keepFailedDays',
      key: 'id',
      since: 'created_at',
      ended: `state = 'done'`,
      also: [{ table: 'resend_members', column: 'resend_id' }],
    },
  },
  resend_members: { rebuilt: 'backup only', kept: { with: 'resends' } },
}
