// A request is a span where somebody traces, and what it submits is that one's child.
import { expect, it, onTestFinished } from 'vitest'
import { registry } from '../../contracts/index.ts'
import { createMetrics } from '../../service/metrics.ts'
import { traceOf } from '../../service/trace.ts'
import { keepingLog, recordSpans, tracing } from '../../testing/index.ts'
import { createHttp } from '../http.ts'

async function open() {
  const { log } = await keepingLog()
  const metrics = createMetrics('test-service', registry, () => undefined)
  const about = { service: 'test-service', version: '1.2.3', summary: 'A test.' }
  const app = await createHttp({ ...about, log, metrics, faults: async () => [] })
  app.get('/things/:id', async (request) => traceOf(request))
  app.get('/broken', async () => {
    throw new Error('a secret')
  })
  app.get('/spans', { config: { isUntraced: true } }, async () => ({}))
  onTestFinished(() => app.close())
  return (url: string) => app.inject({ url, headers: tracing })
}

it('of its caller’s trace, named by its route, and ended by its answer', async () => {
  const { spans, stop } = recordSpans()
  onTestFinished(stop)
  const get = await open()
  const answer = await get('/things/of-somebody')
  await get('/broken')
  await get('/health/live')
  await get('/spans')
  const [, traceId, parentId] = tracing.traceparent.split('-')
  expect(spans).toMatchObject([
    {
      ...{ name: 'GET /things/:id', kind: 'SERVER', parentId, isEnded: true, status: { code: 0 } },
      context: { traceId },
      attributes: { 'http.request.method': 'GET', 'http.route': '/things/:id', 'http.response.status_code': 200 },
    },
    { name: 'GET /broken', isEnded: true, status: { code: 2 }, attributes: { 'http.response.status_code': 500 } },
  ])
  expect(spans).toHaveLength(2)
  expect(JSON.stringify(spans)).not.toMatch(/of-somebody|a secret/)
  expect(answer.json()).toEqual({
    traceparent: `00-${traceId}-${spans[0]?.context.spanId}-01`,
    tracestate: tracing.tracestate,
  })
})

it('without an SDK what it submits follows from its caller', async () => {
  const get = await open()
  expect((await get('/things/1')).json()).toEqual(tracing)
})
