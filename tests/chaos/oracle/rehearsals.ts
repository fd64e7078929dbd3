// Check of what was told of dead letters before they were sent again.
import type { Check } from './check.ts'
import type { Rehearsed } from './snapshot.ts'

/** What no version here knows waits as a row for one that does, and is no dead letter again. */
export const WAITS = ['unknown_type', 'unknown_version', 'unexpected_type']

export const rehearsalsAreRight: Check = ({ rehearsals: { rehearsed, calls } }) => ({
  promise: 'a rehearsal told of each dead letter what came of it when it was sent again, and called no provider',
  checked: rehearsed.length,
  violations: [
    ...rehearsed
      .filter((one) => !isRight(one))
      .map(({ queue, id, told, code, came }) => `${queue}: ${id} ${told} ${code ?? ''}, and ${came ?? 'did not fail'}`),
    ...(calls > 0 ? [`${calls} mails were sent meanwhile`] : []),
  ],
  note: ['decided', 'fails', 'open', 'refused']
    .map((told) => `${rehearsed.filter((one) => one.told === told).length} ${told}`)
    .join(', '),
})

function isRight({ told, code, came }: Rehearsed): boolean {
  if (told === 'decided') return came === null
  if (told === 'fails') return came === code || (came === null && WAITS.includes(code ?? ''))
  return told === 'open'
}
