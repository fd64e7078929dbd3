// The HTTP routes about stuck orders: list the gaps, and publish recorded events again.
import { NotificationRequested, OrderId } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import { type Acting, act } from '../acting.ts'
import type { AuditConfig } from '../config.ts'
import { By } from '../failed/forms.ts'
import { textIn } from '../fields.ts'
import { isUntold } from '../news.ts'
import { GapsView } from '../views.ts'
import type { Following } from './follow.ts'
import { factsOf, type Hearing, heardIn, resay } from './resay.ts'
import {
  countFailed,
  FAILED_AMONG,
  listGaps,
  listHops,
  type Overdue,
  type Hop as OverdueHop,
  type Place,
} from './store.ts'
import { serviceOf, typeBefore } from './unfinished.ts'

const Hop = Type.String({ minLength: 1, maxLength: 400, pattern: '^[^\\u0000]+$' })
const PLACE = /^([0-9TZ:.-]{1,40})\/([0-9]{1,15})\/([ -\uffff]+)$/
const Page = Type.Object(
  {
    hop: Type.Optional({ ...Hop, description: 'Only gaps at this hop, as `hops` names it' }),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
    after: Type.Optional(
      Type.String({ maxLength: 1_200, pattern: PLACE.source, description: '`next` of the previous page' }),
    ),
  },
  { additionalProperties: false },
)
const ByHop = Type.Object(
  {
    ...By.properties,
    hop: Hop,
    expected: Type.Integer({
      minimum: 1,
      description: 'The number of gaps at the hop. If it has changed, the request is refused',
    }),
  },
  { additionalProperties: false },
)
const AtOnce = 100

export function overdueRoutes(
  app: HttpServer,
  { database, broker, auth, now }: Wiring<AuditConfig>,
  { domain, following, states }: { domain: Hearing; following: Following } & Pick<Acting, 'states'>,
): void {
  const operators = { onRequest: auth.operator }
  const isHeard = heardIn(domain)
  const acting: Acting = { database, states, now }

  app.get(
    '/audit/gaps',
    {
      ...operators,
      schema: {
        querystring: Page,
        response: { 200: GapsView },
        operationId: 'listGaps',
        summary: 'Overdue events of all orders',
      },
    },
    async ({ query: { hop, limit = '100', after } }) => {
      const page = await listGaps(database, { hop, after: placeOf(after), limit: Number(limit) })
      return {
        gaps: page.gaps.map(({ unanswered, ...gap }) => ({
          ...gap,
          service: serviceOf(gap),
          nextStep: nextStepOf({ ...gap, unanswered }, isHeard),
        })),
        hops: await Promise.all((await listHops(database)).map(toldOf)),
        next: page.next ? tokenOf(page.next) : null,
        /** Stored events that are not followed yet. */
        behind: await following.behind(),
      }
    },
  )

  app.post(
    '/audit/orders/:orderId/resay',
    {
      ...operators,
      schema: {
        params: Type.Object({ orderId: OrderId }),
        body: By,
        response: { 200: Type.Object({ said: Type.Array(Type.String(), { description: 'The ids of the events' }) }) },
        problems: { 409: ['nothing_to_say'], 503: ['broker_unavailable'] },
        operationId: 'resayOrder',
        summary: 'Publish the recorded events of a stuck order again',
      },
    },
    async ({ params: { orderId }, body: by }) => {
      demandBroker()
      await following.now()
      const { gaps } = await listGaps(database, { orderId, limit: AtOnce })
      const facts = await factsOf(database, domain, gaps)
      if (facts.length === 0)
        throw new RejectedError(409, 'nothing_to_say', `publishing events of ${orderId} again would close no gap`)
      const said = facts.map(({ id }) => id)
      await recorded(by, { orderId, said })
      await resay(broker, domain, facts)
      return { said }
    },
  )

  app.post(
    '/audit/gaps/resay',
    {
      ...operators,
      schema: {
        body: ByHop,
        response: { 200: Type.Object({ said: Type.Integer({ description: 'The number of events' }) }) },
        problems: { 409: ['other_count'], 503: ['broker_unavailable'] },
        operationId: 'resayHop',
        summary: 'Publish the recorded events of all orders that are stuck at one hop again',
      },
    },
    async ({ body: { hop, expected, ...by } }) => {
      demandBroker()
      await following.now()
      const count = (await listHops(database)).find((one) => one.hop === hop)?.count ?? 0
      if (count !== expected)
        throw new RejectedError(409, 'other_count', `${hop}: there are ${count} now, not ${expected}: nothing was done`)
      await recorded(by, { hop, gaps: count })
      let said = 0
      for (let after: Place | undefined, isFirst = true; isFirst || after; isFirst = false) {
        const page = await listGaps(database, { hop, after, limit: AtOnce })
        const facts = await factsOf(database, domain, page.gaps)
        await resay(broker, domain, facts)
        said += facts.length
        after = page.next
      }
      return { said }
    },
  )

  /** Recorded first, so that no event is published again without a record. */
  async function toldOf(one: OverdueHop) {
    const type = typeBefore(one.hop)
    const failed = await countFailed(database, one.hop, isUntold(type) ? NotificationRequested.type : type)
    return {
      ...one,
      status: isUntold(type) ? 'failed' : 'missing',
      failed,
      areAllFailed: failed === Math.min(one.count, FAILED_AMONG),
      nextStep: isHeard(type) ? 'POST /audit/gaps/resay' : null,
    }
  }

  const recorded = (by: Static<typeof By>, about: object) =>
    act(acting, by, async () => ({ action: 'resay', about, result: undefined }))

  /** Without a broker, the request would wait without end. */
  function demandBroker(): void {
    const { fault } = broker.status()
    if (fault !== undefined) throw new RejectedError(503, 'broker_unavailable', fault)
  }
}

/** The request by which an operator can help. */
export function nextStepOf(
  { orderId, status, unanswered }: Pick<Overdue, 'orderId' | 'status' | 'unanswered'>,
  isHeard: (type: string) => boolean,
): string | null {
  if (status === 'failed') {
    const notificationId = textIn(unanswered?.event.data, 'notificationId')
    return notificationId === undefined ? null : `POST /notifications/${notificationId}/resend (notification-service)`
  }
  // No service consumes it, but payment-service, which gave up the refund, can ask for it again.
  if (unanswered?.event.type === 'payment.refund_abandoned') return `POST /payments/${orderId}/refund (payment-service)`
  return unanswered && isHeard(unanswered.event.type) ? `POST /audit/orders/${orderId}/resay` : null
}

const tokenOf = ({ overdueAt, subject, missing }: Place) => `${overdueAt}/${subject}/${missing}`

function placeOf(token: string | undefined): Place | undefined {
  const [, overdueAt = '', subject = '', missing = ''] = PLACE.exec(token ?? '') ?? []
  return overdueAt === '' ? undefined : { overdueAt, subject: Number(subject), missing }
}
