// After the faults: waits until nothing is left to do, and sends the dead letters again that only the faults explain.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'amqplib'
import { deadLetters } from '../support/dead-letters.ts'
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
  /** The bodies' digests of what the run threw to be refused. */
  thrown: ReadonlySet<string>
}

/** Resolves when two looks in a row found nothing left, or when for `withinMs` nothing has become less. */
export async function drain(world: World, { withinMs, signal, tell, thrown }: DrainOptions): Promise<Drained> {
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
      const again = await replayTransient(world, thrown)
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
async function leftIn({ vhost, rows, fleet }: World): Promise<string[]> {
  const queues = (await depthsOf(vhost)).filter(({ name, messages }) => !name.endsWith('.dlq') && messages > 0)
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
  const count = Number(open[0]?.count)
  return [
    ...(count > 0 ? [`orders ${count}`] : []),
    ...queues.map(({ name, messages }) => `${name} ${messages}`),
    ...outboxes,
  ]
}

/** What the run threw and mails that were refused for good are no reason to replay a queue: they only come back. */
async function replayTransient({ vhost, servicesDir }: World, thrown: ReadonlySet<string>): Promise<DeadLetter[]> {
  const letters = await readDeadLetters(vhost)
  const transient = letters.filter(({ digest, reason }) => !thrown.has(digest) && !reason.includes('mail_refused'))
  for (const queue of new Set(transient.map((letter) => letter.queue)))
    await deadLetters(vhost.amqpUrl, ['replay', queue], { servicesDir })
  return transient
}

/**
 * How much each queue holds. The management's numbers count what is under way as well, and are some seconds old; the
 * broker's own are those of now, of what is ready.
 */
export async function depthsOf(vhost: Vhost): Promise<{ name: string; messages: number }[]> {
  const ready = await vhost.waiting()
  const all = await vhost.queues()
  // Nobody consumes dead letters.
  return all.map(({ name, messages }) => ({
    name,
    messages: Math.max(ready[name] ?? 0, name.endsWith('.dlq') ? 0 : (messages ?? 0)),
  }))
}

/** Every dead letter, left where it is. */
export async function readDeadLetters(vhost: Vhost): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  const connection = await connect(vhost.amqpUrl)
  try {
    for (const { name } of await vhost.queues()) {
      if (!name.endsWith('.dlq')) continue
      const channel = await connection.createChannel()
      for (let message = await channel.get(name); message; message = await channel.get(name)) {
        const headers: Record<string, unknown> = message.properties.headers ?? {}
        const reason = `${headers['error-code'] ?? 'broker'}: ${headers['error-message'] ?? 'given up'}`
        const digest = createHash('sha256').update(message.content).digest('hex')
        letters.push({ queue: name, id: String(message.properties.messageId), reason, digest })
      }
      // Unacked, they go back where they were.
      await channel.close()
    }
  } finally {
    await connection.close()
  }
  return letters
}
