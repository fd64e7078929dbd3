// The HTTP routes that show personal data of an event or a failed message. Who looks, at what and why is an event of the log
// before anything is shown.
import { isUtf8 } from 'node:buffer'
import { registry } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { Type } from 'typebox'
import { type Acting, act } from '../acting.ts'
import type { Entry } from '../domain.ts'
import { By, ById } from '../failed/forms.ts'
import { foundIn } from '../failed/http.ts'
import { type Envelope, envelopeIn } from '../personal/masked.ts'
import { listEvents } from '../reading/store.ts'
import { LookedEvent, LookedFailure } from './views.ts'

const BySequence = Type.Object({ sequence: Type.String({ pattern: '^[1-9][0-9]{0,14}$' }) })

export function lookRoutes(
  app: HttpServer,
  { database, show, auth, now }: Pick<Wiring<object>, 'database' | 'show' | 'auth' | 'now'>,
  { states }: Pick<Acting, 'states'>,
): void {
  const operators = { onRequest: auth.operator }
  const acting: Acting = { database, states, now }

  app.post(
    '/audit/events/:sequence/look',
    {
      ...operators,
      schema: {
        params: BySequence,
        body: By,
        response: { 200: LookedEvent },
        problems: { 404: ['no_such_event'] },
        operationId: 'lookAtEvent',
        summary: 'An event with its personal data; who looks and why is recorded before',
      },
    },
    async ({ params, body: by }) => {
      const sequence = Number(params.sequence)
      const { id, type, subject, body } = await act(acting, by, async (tx) => {
        const result = await eventAt(tx, sequence)
        return { action: 'look', about: { event: result.id, order: result.subject, sequence }, result }
      })
      // The cast is safe: only JSON objects are stored as bodies.
      const envelope = JSON.parse(body) as Envelope
      return { sequence, id, type, subject, event: { ...envelope, data: (await show([envelope]))[0] } }
    },
  )

  app.post(
    '/failed/:id/look',
    {
      ...operators,
      schema: {
        params: ById,
        body: By,
        response: { 200: LookedFailure },
        problems: { 404: ['no_such_failure'] },
        operationId: 'lookAtFailure',
        summary: 'A failed message with its personal data; who looks and why is recorded before',
      },
    },
    async ({ params: { id }, body: by }) => {
      const { body, original, properties } = await act(acting, by, async (tx) => {
        const result = await foundIn(tx, id)
        const { messageId: message, subject: order } = result
        return { action: 'look', about: { failure: id, message, order }, result }
      })
      return {
        body: await opened(body),
        kept: shownBytes(body),
        original: original && (await opened(original)),
        properties: JSON.parse(properties),
      }
    },
  )

  /** Decrypted as far as its keys exist. Bytes that are not a known event are shown unchanged. */
  async function opened(bytes: Buffer) {
    const envelope = envelopeIn(bytes)
    if (!envelope || !registry.contracts.has(String(envelope.type))) return shownBytes(bytes)
    return { text: JSON.stringify({ ...envelope, data: (await show([envelope]))[0] }) }
  }
}

/** @throws RejectedError 404 `no_such_event` */
async function eventAt(sql: Reader, sequence: number): Promise<Entry> {
  const { entries } = await listEvents(sql, { after: sequence - 1, limit: 1 })
  const [found] = entries
  if (found?.sequence === sequence) return found
  throw new RejectedError(404, 'no_such_event', `the log has no event no. ${sequence}`)
}

const shownBytes = (bytes: Buffer) =>
  isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') }
