// What audit-service keeps in its tables: how long its rows stay. The log does not come back: it is what the others are rebuilt from, and a
// lost log is lost evidence, but for its copy.
import type { Table, Tables } from '@orders/shared/runtime'

const evidence = (forEver: string): Table => ({ rebuilt: 'backup only', kept: { forEver } })
const derived = (forEver: string): Table => ({ rebuilt: 'derived', kept: { forEver } })

export const tables: Tables = {
  copies: { rebuilt: 'disposable', kept: { until: 'the copy has said nothing for a day' } },
  blocks: { rebuilt: 'backup only', kept: { until: 'an archive has its bodies (KEEP_AUDIT_DAYS); its hashes stay' } },
  archives: evidence('it tells in which file an event is'),
  archive_lease: { rebuilt: 'disposable', kept: { forEver: 'one row' } },
  dictionaries: evidence('what was packed with one needs it'),
  subjects: evidence('a number of a subject stands in the log'),
  kinds: evidence('a number of a kind stands in the log'),
  places: evidence('it tells where an event is'),
  earlier_chain: evidence('one row tells whether the earlier chain was whole'),
  tree_nodes: derived('proofs consist of them'),
  tree_head: derived('one row'),
  tree_lease: { rebuilt: 'disposable', kept: { forEver: 'one row' } },
  followed: derived('one row'),
  unfinished: { rebuilt: 'derived', kept: { until: 'the order has ended' } },
  gaps: { rebuilt: 'derived', kept: { until: 'what was missing has followed' } },
  marks: evidence('one row a life of a database tells what it has said'),
  failures: {
    rebuilt: 'backup only',
    kept: {
      days: 'keepFailedDays',
      key: 'id',
      since: 'failed_at',
      // What waits for an operator is never removed.
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
