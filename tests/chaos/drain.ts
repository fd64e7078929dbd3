// After the faults: waits until nothing is left to do, and sends the dead letters again that only the faults explain.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Vhost } from '../support/vhost.ts'
import type { DeadLetter } from './oracle/snapshot.ts'
import type { World } from './world.ts'

const LOOK_EVERY_MS = 500

export interface Drained {
  inTime: boolean
  /** The dead letters that were sent again. */
  sentAgain: DeadLetter[]
  /** What was still to do at the last look. */
  left: string[]
}

interface DrainOptions {
  withinMs: number
  signal: AbortSignal
  tell(left: string[]): void
  /** Told of the dead letters that are about to be sent again. */
  again(letters: readonly KeptLetter[]): Promise<void>
  /** The bodies' digests of what the run threw to be refused. */
  thrown: ReadonlySet<string>
}

/** Resolves when two looks in a row found nothing left, or when for `withinMs` nothing has become less. */
export async function drain(
  world: World,
  { withinMs, signal, tell, again: before, thrown }: DrainOptions,
): Promise<Drained> {
  let deadline = performance.now() + withinMs
  let least = Number.POSITIVE_INFINITY
  const sentAgain: DeadLetter[] = []
  let quiet = 0
  for (;;) {
    const left = await leftIn(world).catch((error: Error) => [error.message])
    tell(left)
    const total = countOf(left)
    if (total < least) deadline = performance.now() + withinMs
    least = Math.min(least, total)
    quiet = left.length === 0 ? quiet + 1 : 0
    // An order that waits for a dead letter ends when that is sent again.
    if (left.every((line) => line.startsWith('orders '))) {
      const again = await transientLetters(world, thrown)
      await before(again)
      await sendAgain(world, again)
      sentAgain.push(...again)
      if (again.length > 0) quiet = 0
    }
    if (quiet >= 2) return { inTime: true, sentAgain, left }
    if (performance.now() > deadline || signal.aborted) return { inTime: false, sentAgain, left }
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

/** Each line of what is left ends with its number. */
function countOf(left: string[]): number {
  return left.reduce((sum, line) => sum + Number(/(\d+)$/.exec(line)?.[1] ?? 1), 0)
}

/** What is still under way, by where it is. */
export async function leftIn({ vhost, rows, fleet }: World): Promise<string[]> {
  const queues = (await depthsOf(vhost)).filter(({ messages }) => messages > 0)
  const open = await rows<{ count: number }>(
    'order-service',
    `select count(*) as count from orders where status not in ('completed', 'cancelled')`,
  )
  const outboxes: string[] = []
  for (const service of new Set(fleet.members.map((member) => member.service))) {
    const [row] = await rows<{ count: number }>(`${service}-service`, 'select count(*) as count from outbox')
    if (Number(row?.count) > 0) outboxes.push(`${service}'s outbox ${row?.count}`)
    const [kept] = await rows<{ count: number }>(
      `${service}-service`,
      'select count(*) as count from retries where waits_for is null',
    )
    if (Number(kept?.count) > 0) outboxes.push(`${service}'s retries ${kept?.count}`)
  }
  const [resends] = await rows<{ count: number }>(
    'audit-service',
    `select count(*) as count from resends where state = 'running'`,
  )
  const sending = Number(resends?.count)
  const count = Number(open[0]?.count)
  return [
    ...(sending > 0 ? [`resends ${sending}`] : []),
    ...(count > 0 ? [`orders ${count}`] : []),
    ...queues.map(({ name, messages }) => `${name} ${messages}`),
    ...outboxes,
  ]
}

/** What the run threw and mails that were refused for good are no reason to send anything again: they only come back. */
async function transientLetters({ rows }: World, thrown: ReadonlySet<string>): Promise<KeptLetter[]> {
  const letters = await readDeadLetters(rows)
  return letters.filter(({ digest, reason }) => !thrown.has(digest) && !reason.includes('mail_refused'))
}

/** What copies say of themselves goes on for as long as they live. */
const COPIES = 'audit.copies.queue'

/**
 * How much each queue of work holds. The management's numbers count what is under way as well, and are some seconds old; the
 * broker's own are those of now, of what is ready.
 */
export async function depthsOf(vhost: Vhost): Promise<{ name: string; messages: number }[]> {
  const ready = await vhost.waiting()
  const all = await vhost.queues()
  const ofWork = all.filter(({ name }) => name !== COPIES)
  return ofWork.map(({ name, messages }) => ({ name, messages: Math.max(ready[name] ?? 0, messages ?? 0) }))
}

export interface KeptLetter extends DeadLetter {
  /** Of a resend that goes on, or that has stopped and can be resumed. */
  isSending: boolean
  /** Under which audit-service keeps it. */
  failureId: string
}

/** Every dead letter that waits for an operator, as audit-service keeps it. */
export async function readDeadLetters(rows: World['rows']): Promise<KeptLetter[]> {
  const kept = await rows<{
    id: string
    state: string
    queue: string
    message_id: string
    code: string
    reason: string
    body: Buffer
  }>(
    'audit-service',
    `select id, state, queue, message_id, code, reason, body from failures where state in ('waiting', 'sending') and queue <> 'unrouted.queue'`,
  )
  return kept.map(({ id: failureId, state, queue, message_id: id, code, reason, body }) => {
    const digest = createHash('sha256').update(body).digest('hex')
    return { failureId, isSending: state === 'sending', queue, id, reason: `${code}: ${reason}`, digest }
  })
}

const AT_ONCE = 1_000

/** Asks audit-service to send those again that no resend has yet, whatever becomes of the answer: it may be killed for it. */
export async function sendAgain({ system }: Pick<World, 'system'>, letters: readonly KeptLetter[]): Promise<void> {
  const waiting = letters.filter(({ isSending }) => !isSending)
  for (let first = 0; first < waiting.length; first += AT_ONCE) {
    const ids = waiting.slice(first, first + AT_ONCE).map(({ failureId }) => failureId)
    const terms = { operator: 'chaos', reason: 'all is healed', watchMs: 0, canary: ids.length, ratePerSecond: 1_000 }
    await system.post('/replays', { ...terms, ids, expected: ids.length }, 'audit').catch(() => undefined)
  }
}
