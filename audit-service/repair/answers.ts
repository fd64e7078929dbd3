// Answers other services over RPC: how far their database had come, and their history. By these, a service whose database was
// lost or restored from an older copy notices it, and is rebuilt.
import { AuditHistory, AuditMarks } from '@orders/shared/contracts'
import { type Answerer, answers, keyIdsIn, keysById, seen } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { type History, histories, reached } from './store.ts'

export const answerers: Answerer[] = [
  answers(AuditMarks, ({ service }) => ({
    reads: () => [seen(reached, service)],
    decide: (draft) => ({ result: { marks: draft.get(reached, service) ?? [] }, messages: [] }),
  })),
  answers(AuditHistory, ({ after: { subject, sequence } }) => {
    const key = JSON.stringify({ subject, sequence })
    const keyIds = (history: History | undefined) => [
      ...new Set(history?.entries.flatMap(({ entry: { body } }) => keyIdsIn(body))),
    ]
    return {
      reads: (known) => [
        seen(histories, key),
        ...keyIds(known.get(histories, key)).map((keyId) => seen(keysById, keyId)),
      ],
      decide(draft) {
        const history = draft.get(histories, key)
        const { entries = [], next = null, archived } = history ?? {}
        if (archived)
          throw new RejectedError(
            409,
            'archived',
            `events are in archives, read them back first: npm run archive -- import ${archived.join(' ')}`,
          )
        const keys = keyIds(history).flatMap((keyId) => draft.get(keysById, keyId) ?? [])
        const events = entries.map(({ subject: number, entry: { sequence: place, body } }) => ({
          ...{ subject: number, sequence: place, body },
        }))
        return { result: { events, keys, next }, messages: [] }
      },
    }
  }),
]
