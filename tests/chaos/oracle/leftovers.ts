// Checks of what must not be left when everything is healed: messages, unexplained dead letters, processes, memory.
import type { Check } from './check.ts'
import type { Exit } from './snapshot.ts'

const isDeadLetters = (queue: string) => queue.endsWith('.dlq')

export const nothingWaits: Check = ({ queues, outboxes }) => ({
  promise: 'no message is left in any queue or outbox',
  checked: queues.filter(({ name }) => !isDeadLetters(name)).length + outboxes.length,
  violations: [
    ...queues
      .filter(({ name, messages }) => messages > 0 && !isDeadLetters(name))
      .map(({ name, messages }) => `${name}: ${messages}`),
    ...outboxes.filter(({ rows }) => rows > 0).map(({ service, rows }) => `${service}'s outbox: ${rows}`),
  ],
})

export const deadLettersExplained: Check = ({ deadLetters, garbage, deliveries, refusedAddresses, queues }) => {
  const thrown = new Set(garbage.map(({ id }) => id))
  const found = new Set(deadLetters.map(({ id }) => id))
  const known = new Set(deliveries.map(({ notification_id }) => notification_id))
  const isRefusedMail = ({ id, reason }: { id: string; reason: string }) =>
    reason.includes('mail_refused') &&
    refusedAddresses.length > 0 &&
    known.has(id.replace('/notification.requested/', '.'))
  const counted = queues.filter(({ name }) => isDeadLetters(name)).reduce((sum, { messages }) => sum + messages, 0)
  return {
    promise: 'every dead letter is one that the run caused, and what it caused is there',
    checked: deadLetters.length,
    violations: [
      ...deadLetters
        .filter((letter) => !thrown.has(letter.id) && !isRefusedMail(letter))
        .map(({ queue, id, reason }) => `${queue}: ${id} ${reason}`),
      ...garbage.filter(({ id, confirmed }) => confirmed && !found.has(id)).map(({ id }) => `${id} has disappeared`),
      ...(counted === deadLetters.length ? [] : [`${counted} in the queues, ${deadLetters.length} read`]),
    ],
    note: `${deadLetters.filter(({ id }) => thrown.has(id)).length} garbage, ${deadLetters.filter(isRefusedMail).length} refused mails`,
  }
}

/** One that starts while its disk takes nothing says so, and ends: whoever runs it starts it again. One that runs goes on. */
const startedWithoutDisk = ({ why = '' }: Exit) =>
  /"msg":"cannot start: (disk I\/O error|database or disk is full)"/.test(why)

export const onlyKilledWhenTold: Check = ({ exits, memory }) => ({
  promise: 'no process ended but by the hand of the run',
  checked: memory.length,
  violations: exits
    .filter((exit) => !exit.wanted && !startedWithoutDisk(exit))
    .map(
      ({ process, code, signal, why }) => `${process} ended with ${signal ?? `code ${code}`}${why ? `: ${why}` : ''}`,
    ),
  note: `${exits.length} killed and started again`,
})

const megabytes = (bytes: number) => Math.round(bytes / 1_048_576)

export const memoryBounded: Check = ({ memory, memoryMaxBytes }) => ({
  promise: `no process ever held more than ${megabytes(memoryMaxBytes)} MB`,
  checked: memory.filter(({ peakBytes }) => peakBytes > 0).length,
  violations: memory
    .filter(({ peakBytes }) => peakBytes > memoryMaxBytes)
    .map(({ process, peakBytes }) => `${process}: ${megabytes(peakBytes)} MB`),
  note: memory.map(({ process, peakBytes }) => `${process} ${megabytes(peakBytes)}`).join(', '),
})
