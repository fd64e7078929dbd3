// Checks of what must not be left when everything is healed: messages, unexplained dead letters, processes, memory.
import { type Check, groupBy, notificationOf } from './check.ts'
import type { Exit, Thrown } from './snapshot.ts'

export const nothingWaits: Check = ({ queues, outboxes }) => ({
  promise: 'no message is left in any queue or outbox',
  checked: queues.length + outboxes.length,
  violations: [
    ...queues.filter(({ messages }) => messages > 0).map(({ name, messages }) => `${name}: ${messages}`),
    ...outboxes.filter(({ rows }) => rows > 0).map(({ service, rows }) => `${service}'s outbox: ${rows}`),
  ],
})

export const deadLettersExplained: Check = ({ deadLetters, thrown, deliveries, refusedAddresses }) => {
  const isThrown = thrownOnes(thrown)
  const known = new Set(deliveries.map(({ notification_id }) => notification_id))
  const isRefusedMail = ({ id, reason }: { id: string; reason: string }) =>
    reason.includes('mail_refused') && refusedAddresses.length > 0 && known.has(notificationOf(id))
  return {
    promise: 'every dead letter is one that the run caused',
    checked: deadLetters.length,
    violations: deadLetters
      .filter((letter) => !isThrown(letter) && !isRefusedMail(letter))
      .map(({ queue, id, reason }) => `${queue}: ${id} ${reason}`),
    note: `${deadLetters.filter(isThrown).length} thrown, ${deadLetters.filter(isRefusedMail).length} refused mails`,
  }
}

const placeOf = ({ queue, digest }: { queue: string; digest: string }) =>
  `${queue.replace(/\.dlq$/, '.queue')} ${digest}`

const serviceOf = (queue: string) => queue.split('.', 1)[0] ?? ''

/** Tells what the run has thrown, by its bytes and the queue that it was thrown into. */
function thrownOnes(thrown: readonly Thrown[]): (found: { queue: string; digest: string }) => boolean {
  const places = new Set(thrown.map(placeOf))
  return (found) => places.has(placeOf(found))
}

/**
 * Its bytes as they came: as one dead letter of the queue that it was thrown into, or as one row that waits. The last release, which
 * knows no rows, makes a dead letter of what would wait.
 */
export const thrownAreKept: Check = ({ thrown, deadLetters, waitingRows, repeating, released }) => {
  const letters = countBy(deadLetters.map(placeOf))
  const rows = countBy(waitingRows.map(placeOf))
  const isThrown = thrownOnes(thrown)
  let twice = 0
  const wrong = thrown.flatMap((one) => {
    const place = placeOf(one)
    const service = serviceOf(one.queue)
    const [there, elsewhere] = one.wants === 'row' ? [rows, letters] : [letters, rows]
    const isLetterOfRelease = one.wants === 'row' && released.includes(service) && letters.has(place)
    const count = (isLetterOfRelease ? letters : there).get(place) ?? 0
    const isCopiedAgain = one.copied?.some((queue) => released.includes(serviceOf(queue)))
    const mayRepeat =
      (one.wants === 'dead letter' || isLetterOfRelease) && (repeating.includes(service) || isCopiedAgain)
    if (count > 1 && mayRepeat) twice += 1
    return [
      ...(count === 0 && one.confirmed ? [`${one.queue}: ${one.id} has disappeared`] : []),
      ...(count > 1 && !mayRepeat ? [`${one.queue}: ${one.id} is there ${count} times`] : []),
      ...(elsewhere.has(place) && !(isLetterOfRelease && !rows.has(place))
        ? [`${one.queue}: ${one.id} is no ${one.wants}`]
        : []),
    ]
  })
  return {
    promise: 'each garbage message is one dead letter of its queue, or one waiting row, with its bytes unchanged',
    checked: thrown.length,
    violations: [
      ...wrong,
      ...waitingRows.filter((row) => !isThrown(row)).map(({ queue, digest }) => `${queue}: a row waits, ${digest}`),
    ],
    note: `${waitingRows.length} rows, ${twice} twice since their reader went`,
  }
}

function countBy(keys: readonly string[]): Map<string, number> {
  return new Map([...groupBy(keys, (key) => key)].map(([key, same]) => [key, same.length]))
}

/** One that starts while its disk takes nothing says so, and ends: whoever runs it starts it again. One that runs goes on. */
const startedWithoutDisk = ({ why = '' }: Exit) =>
  /"msg":"cannot start: (disk I\/O error|database or disk is full)"/.test(why)

export const onlyKilledWhenTold: Check = ({ exits, memory }) => ({
  promise: 'only the run ended processes',
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
  promise: `no process ever used more than ${megabytes(memoryMaxBytes)} MB`,
  checked: memory.filter(({ peakBytes }) => peakBytes > 0).length,
  violations: memory
    .filter(({ peakBytes }) => peakBytes > memoryMaxBytes)
    .map(({ process, peakBytes }) => `${process}: ${megabytes(peakBytes)} MB`),
  note: memory.map(({ process, peakBytes }) => `${process} ${megabytes(peakBytes)}`).join(', '),
})
