// Every HTTP route of all services, asked with generated input: never a 500, every refusal a problem, nobody falls over.
// FUZZ_SEED and FUZZ_COUNT choose which and how many; `npm run fuzz` sets them.
import fc from 'fast-check'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'
import { faultOf, fire, type Route, routesOf, type Shot, shotsAt } from './http.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 1)
const COUNT = Number(process.env.FUZZ_COUNT ?? 15)
const PARALLEL = 8

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
  for (const orderId of ['known', 'fuzz-1'])
    await system.post('/orders', { orderId, user: 'ann', items: ['item1', 'item2'] })
  await system.ended('known')
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

interface Finding {
  fault: string
  shot: string
}

async function bombard(url: string, route: Route): Promise<{ statuses: Record<number, number>; findings: Finding[] }> {
  const shots = fc.sample(shotsAt(route), { seed: SEED, numRuns: COUNT })
  const statuses: Record<number, number> = {}
  const findings: Finding[] = []
  const shoot = async () => {
    for (let shot = shots.pop(); shot; shot = shots.pop()) {
      const heard = await fire(url, shot).catch((error: Error) => error)
      const fault = heard instanceof Error ? heard.message : faultOf(shot, heard)
      if (fault !== undefined) findings.push({ fault, shot: shown(shot) })
      const status = heard instanceof Error ? 0 : heard.status
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, shoot))
  return { statuses, findings }
}

const shown = ({ method, target, headers, body }: Shot) =>
  JSON.stringify({ method, target: target.slice(0, 300), headers, body: body.toString('latin1').slice(0, 500) })

describe.each(serviceNames)('%s-service', (service) => {
  it('lets no path or query hold U+0000, which PostgreSQL keeps in no text', async () => {
    const texts = (await routesOf(system.url(service))).flatMap(({ path, parameters }) =>
      parameters
        .filter((parameter) => parameter.in === 'path' || parameter.in === 'query')
        .map(({ name, schema }) => ({ name: `${path} ${name}`, schema })),
    )
    expect(texts.filter(({ schema }) => Compile(schema as TSchema).Check('a\u0000b'))).toEqual([])
  })

  it(`refuses or serves whatever is asked (seed ${SEED}, ${COUNT} requests a route)`, async () => {
    const url = system.url(service)
    const lines: string[] = []
    const found: Record<string, Finding[]> = {}
    for (const route of await routesOf(url)) {
      const { statuses, findings } = await bombard(url, route)
      lines.push(`${route.method} ${route.path}  ${JSON.stringify(statuses)}`)
      if (findings.length > 0) found[`${route.method} ${route.path}`] = findings
    }
    console.log(`${service}-service\n  ${lines.join('\n  ')}`)
    expect(found).toEqual({})
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)
    const failed = (await system.log(service)).filter(({ level, msg }) => level >= 50 && msg !== 'dead letter')
    expect(failed).toEqual([])
  }, 600_000)
})

it('and then the next order is served by all of them', async () => {
  await system.post('/orders', { orderId: 'after-http', user: 'ann', items: ['item2'] })
  expect(await system.ended('after-http')).toMatchObject({ status: 'completed' })
})
