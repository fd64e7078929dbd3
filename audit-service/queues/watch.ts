// Polls the broker's queues through its management API, one request at a time and with a time limit. HTTP requests get the
// latest result.
import { type Management, type Queue, queuesAt, whyUnasked } from '@orders/shared/messaging'
import { asError, type Log, lookEvery } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { type Described, type LookedQueue, lookedAt } from './looked.ts'
import { type Followed, followedBy } from './samples.ts'

const COLUMNS = [
  'name',
  'messages',
  'messages_unacknowledged',
  'consumers',
  'head_message_timestamp',
  'message_stats.publish_details.rate',
  'message_stats.ack',
  'message_stats.ack_details.rate',
]
const Count = Type.Optional(Type.Number())
const Rate = Type.Optional(Type.Object({ rate: Type.Number() }))
const answers = Compile(
  Type.Array(
    Type.Object({
      name: Type.String(),
      messages: Count,
      messages_unacknowledged: Count,
      consumers: Count,
      // Missing or an empty text for an empty queue.
      head_message_timestamp: Type.Optional(Type.Unknown()),
      message_stats: Type.Optional(Type.Object({ ack: Count, publish_details: Rate, ack_details: Rate })),
    }),
  ),
)

const TIMEOUT_MS = 5_000

interface Options {
  /** Undefined if the broker must not be asked. */
  management: Management | undefined
  queues: readonly Queue[]
  /** The service that consumes a queue. */
  takerOf(queue: Queue): string
  log: Log
  now: () => Date
  everyMs: number
  ageMaxMs: number
}

export interface LookedQueues {
  /** Why nothing is known now. Null if the queues are known. */
  why: string | null
  /** The time of these numbers. */
  at: string | null
  queues: LookedQueue[]
}

const NOT_ASKED: LookedQueues = {
  why: 'MANAGEMENT_URL=off: audit-service does not ask the broker',
  at: null,
  queues: [],
}

/** The caller closes it. */
export function watchQueues({ management, ...options }: Options): QueueWatch {
  if (management) return watchBy(management, options)
  const nothing = async () => undefined
  return { latest: async () => NOT_ASKED, look: nothing, close: nothing }
}

export interface QueueWatch {
  /** The latest result. Waits for the first one. */
  latest(): Promise<LookedQueues>
  /** Looks now, and resolves when that is finished. Never rejects. */
  look(): Promise<void>
  close(): Promise<void>
}

function watchBy(management: Management, options: Omit<Options, 'management'>): QueueWatch {
  const { queues, takerOf, log, now, everyMs, ageMaxMs } = options
  const closing = new AbortController()
  const byName = new Map(queues.map((queue) => [queue.name, queue]))
  let followed = new Map<string, Followed>()
  let found = NOT_ASKED

  async function look(): Promise<void> {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)])
    const answer: unknown = await queuesAt(management, COLUMNS, signal)
    if (!answers.Check(answer)) throw new Error('the answer is not a list of queues')
    const [nowMs, watchMs] = [now().getTime(), performance.now()]
    const next = new Map<string, Followed>()
    const all = answer.flatMap(({ name, message_stats: stats, head_message_timestamp: headAt, ...counts }) => {
      const queue = byName.get(name)
      if (!queue) return []
      const described: Described = {
        messages: counts.messages ?? 0,
        unacknowledged: counts.messages_unacknowledged ?? 0,
        consumers: counts.consumers ?? 0,
        inPerSecond: stats?.publish_details?.rate ?? 0,
        outPerSecond: stats?.ack_details?.rate ?? 0,
        headAt: typeof headAt === 'number' ? headAt : undefined,
      }
      const own = followedBy(followed.get(name), { depth: described.messages, acked: stats?.ack ?? 0 }, watchMs)
      next.set(name, own)
      return [lookedAt(queue, described, own, { service: takerOf(queue), ageMaxMs, nowMs, watchMs })]
    })
    followed = next
    found = { why: null, at: new Date(nowMs).toISOString(), queues: inOrder(all) }
  }

  async function told(): Promise<void> {
    try {
      await look()
    } catch (thrown) {
      const error = asError(thrown)
      // The earlier result is outdated.
      found = { why: `the broker’s management API at ${management.host}: ${whyUnasked(error)}`, at: null, queues: [] }
      throw error
    }
  }

  const looks = lookEvery(everyMs, told, () => log.info({ why: found.why }, 'the queues of the broker cannot be seen'))
  const first = looks.now()
  return {
    async latest() {
      await first
      return found
    },
    look: looks.now,
    close() {
      const closed = looks.close()
      closing.abort()
      return closed
    },
  }
}

/** Queues that back up first, then by the number of waiting messages. */
const inOrder = (all: LookedQueue[]) =>
  all.toSorted(
    (one, other) =>
      Number(other.backsUp !== null) - Number(one.backsUp !== null) ||
      other.messages - one.messages ||
      (one.queue < other.queue ? -1 : 1),
  )
