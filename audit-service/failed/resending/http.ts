// The HTTP routes of replays: start with the counted number of messages, follow, stop, resume.
import { randomUUID } from 'node:crypto'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { type By as ActedBy, type Acting, act, expectCount } from '../../acting.ts'
import { By, ById, NewResend, ResendPage, selectionOf } from '../forms.ts'
import { Replays, ReplayView } from '../views.ts'
import type { Resending } from './run.ts'
import { addResend, findResend, listResends, type Progress, resumeResend, stopResend } from './store.ts'

const PAGE_DEFAULT = '100'

export function resendRoutes(
  app: HttpServer,
  { database, auth, now }: Pick<Wiring<object>, 'database' | 'auth' | 'now'>,
  { states, resending }: Pick<Acting, 'states'> & { resending: Pick<Resending, 'wake'> },
): void {
  const operators = { onRequest: auth.operator }
  const acting: Acting = { database, states, now }

  app.post(
    '/replays',
    {
      ...operators,
      schema: {
        body: NewResend,
        response: { 202: ReplayView },
        problems: { 409: ['count_differs'] },
        operationId: 'createReplay',
        summary: 'Replay several failed messages, in steps and at a limited rate',
      },
    },
    async ({ body }, reply) => {
      const { operator, reason, ids, filter, expected } = body
      const { canary = 1, ratePerSecond = 100, watchMs = 5_000 } = body
      const selection = selectionOf({ ids, filter })
      const id = randomUUID().replaceAll('-', '')
      await act(acting, { operator, reason }, async (tx) => {
        const createdAt = now().toISOString()
        const terms = { id, selection, operator, reason, canary, ratePerSecond, watchMs, createdAt }
        const total = await addResend(tx, { ...terms, total: expected })
        expectCount(total, expected)
        return { action: 'replay', about: { replay: id, ...selection, count: total }, result: undefined }
      })
      resending.wake()
      return reply
        .status(202)
        .header('location', `/replays/${id}`)
        .send(await showResend(id))
    },
  )

  app.get(
    '/replays',
    {
      ...operators,
      schema: {
        querystring: ResendPage,
        response: { 200: Replays },
        operationId: 'listReplays',
        summary: 'Replays, the newest first',
      },
    },
    async ({ query: { after, limit = PAGE_DEFAULT } }) => {
      const [createdAt = '', id = ''] = after?.split('/') ?? []
      const page = { after: after === undefined ? undefined : { createdAt, id }, limit: Number(limit) }
      const replays = await listResends(database, page)
      const last = replays.at(-1)
      return {
        replays: replays.map(shownResend),
        next: last && replays.length === page.limit ? `${last.createdAt}/${last.id}` : null,
      }
    },
  )

  app.get(
    '/replays/:id',
    {
      ...operators,
      schema: {
        params: ById,
        response: { 200: ReplayView },
        problems: { 404: ['no_such_replay'] },
        operationId: 'getReplay',
        summary: 'The progress of a replay',
      },
    },
    ({ params: { id } }) => showResend(id),
  )

  app.post(
    '/replays/:id/stop',
    {
      ...operators,
      schema: {
        params: ById,
        body: By,
        response: { 200: ReplayView },
        problems: { 404: ['no_such_replay'], 409: ['wrong_state'] },
        operationId: 'stopReplay',
        summary: 'Stop a replay; the remaining messages wait',
      },
    },
    ({ params: { id }, body: by }) =>
      change(id, by, 'stop_replay', (tx) => stopResend(tx, id, `${by.operator} stopped it`, now().toISOString())),
  )

  app.post(
    '/replays/:id/resume',
    {
      ...operators,
      schema: {
        params: ById,
        body: By,
        response: { 200: ReplayView },
        problems: { 404: ['no_such_replay'], 409: ['wrong_state'] },
        operationId: 'resumeReplay',
        summary: 'Resume a stopped replay',
      },
    },
    async ({ params: { id }, body: by }) => {
      const resumed = await change(id, by, 'resume_replay', (tx) => resumeResend(tx, id))
      resending.wake()
      return resumed
    },
  )

  async function showResend(id: string) {
    const found = await findResend(database, id)
    if (!found) throw noSuchResend(id)
    return shownResend(found)
  }

  async function change(
    id: string,
    by: ActedBy,
    action: string,
    work: (tx: Parameters<typeof stopResend>[0]) => Promise<boolean>,
  ) {
    await act(acting, by, async (tx) => {
      const found = await findResend(tx, id)
      if (!found) throw noSuchResend(id)
      if (!(await work(tx))) throw new RejectedError(409, 'wrong_state', `the replay is ${found.state}`)
      return { action, about: { replay: id }, result: undefined }
    })
    return showResend(id)
  }
}

const noSuchResend = (id: string) => new RejectedError(404, 'no_such_replay', `there is no replay ${id}`)
const shownResend = ({ selection, ...told }: Progress) => ({ ...told, selection: JSON.parse(selection) })
