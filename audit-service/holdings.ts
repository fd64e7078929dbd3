// Where audit-service stores data about a customer: all events about them or their orders, and failed messages about them.
import { type About, type HeldRecord, type Holding, type Holdings, rowsOf } from '@orders/shared/runtime'
import { listEvents } from './reading/store.ts'

/** Subject by subject, the oldest event first. A place is the index of a subject and a sequence. */
const events: Holding = {
  by: 'subjects',
  async list({ sql, show }, { subjects }: About, { after = [0, 0], limit }) {
    const found: HeldRecord[] = []
    const [at = 0, behind = 0] = after.map(Number)
    for (let index = at; index < subjects.length && found.length < limit; index++) {
      const orderId = subjects[index] ?? ''
      for (let next: number | null = index === at ? behind : 0; next !== null && found.length < limit; ) {
        const { entries, ...rest } = await listEvents(sql, { orderId, after: next, limit: limit - found.length })
        next = rest.next
        const data = await show(entries.map(({ body }) => JSON.parse(body)))
        for (const [position, { body, sequence, receivedAt }] of entries.entries()) {
          const event = { ...JSON.parse(body), data: data[position] }
          found.push({ place: [index, sequence], record: { sequence, receivedAt, event } })
        }
      }
    }
    return found
  },
}

const OF_THE_LOG = 'indexes and hashes of the audit log, which is exported itself'
const OF_THE_EVENTS = 'derived from the events'

export const holdings: Holdings = {
  blocks: events,
  failures: rowsOf('failures', {
    ...{ by: 'subjects', column: 'subject', place: ['id'] },
    json: ['history', 'properties'],
    messages: ['body', 'original'],
    // The start of the body, for searches.
    without: ['words'],
  }),
  dictionaries: OF_THE_LOG,
  subjects: OF_THE_LOG,
  kinds: OF_THE_LOG,
  places: OF_THE_LOG,
  earlier_chain: OF_THE_LOG,
  tree_nodes: OF_THE_LOG,
  tree_head: OF_THE_LOG,
  tree_lease: OF_THE_LOG,
  archives: 'only file names; the events in these files are exported',
  archive_lease: 'which copy writes the archives',
  followed: OF_THE_EVENTS,
  unfinished: OF_THE_EVENTS,
  gaps: OF_THE_EVENTS,
  marks: 'how far each service’s database has come',
  copies: 'copies of services',
  resends: 'the replays of operators',
  resend_members: 'the replays of operators',
}
