// What an operator's Prometheus and Grafana are given: every rule is tried by Prometheus' own tool, and every query of the
// dashboard finds something while the system works.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { services } from '@orders/shared/contracts'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type PrometheusServer, requirePrometheus, startPrometheus } from '../../scripts/prometheus/server.ts'
import { orderForm, placeAll } from '../support/load.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const RULES = resolve('deploy/prometheus/alerts.yml')
const DASHBOARD = 'deploy/grafana/orders.json'

let vhost: Vhost
let system: System
let data: Awaited<ReturnType<typeof scratchFolder>>
let prometheus: PrometheusServer

beforeAll(async () => {
  vhost = await createVhost()
  data = await scratchFolder()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
  const targets = services.map((service) => new URL(system.url(service)).host)
  prometheus = await startPrometheus(join(data.path, 'prometheus'), RULES, targets)
}, 300_000)

afterAll(async () => {
  await prometheus?.stop()
  await system?.stop()
  await vhost?.remove()
  await data?.remove()
}, 60_000)

interface Answer {
  data: { result: { metric: Record<string, string>; value: [number, string] }[] }
}
async function query(expr: string): Promise<Answer['data']['result']> {
  const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(expr)}`)
  if (!answer.ok) throw new Error(`${expr}: ${await answer.text()}`)
  const { data: found } = (await answer.json()) as Answer
  return found.result.filter(({ value }) => value[1] !== 'NaN')
}

it('every alert fires when it should and is silent when it should be', async () => {
  const promtool = await requirePrometheus('promtool')
  const tested = await promisify(execFile)(promtool, ['test', 'rules', 'alerts.test.yml'], { cwd: 'deploy/prometheus' })
  expect(tested.stdout).toContain('SUCCESS')
  const cases = await readFile('deploy/prometheus/alerts.test.yml', 'utf8')
  const names = alerts(await readFile(RULES, 'utf8')).filter((name) => !cases.includes(name))
  expect(names).toEqual([])
})

it('every query of the dashboard finds something, and nothing fires, while orders are placed', async () => {
  let placed = 0
  const found = async (expr: string) => {
    // What nothing happens to has no rate.
    await placeAll(system, [orderForm('seen', placed++)])
    return (await query(expr)).length > 0
  }
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as {
    panels: { title: string; targets: { expr: string }[] }[]
  }
  for (const { title, targets } of panels)
    for (const { expr } of targets) await eventually(`${title}: ${expr} finds something`, () => found(expr))
  expect(await query('ALERTS{alertstate="firing"}')).toEqual([])
})

it('no rule reads a metric that does not exist', async () => {
  const text = await readFile(RULES, 'utf8')
  const expressions = (parse(text) as Rules).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
  const read = new Set(expressions.flatMap((expr) => expr.match(/\b[a-z]+(?:_[a-z]+)+\b(?=[{) ]|\[)/g) ?? []))
  const told = await Promise.all(
    services.map(async (service) => (await fetch(`${system.url(service)}/metrics`)).text()),
  )
  const isThere = (name: string) => told.some((text) => text.includes(`# TYPE ${name.replace(/_count$/, '')} `))
  expect([...read].filter((name) => !name.startsWith('rabbitmq_') && !isThere(name))).toEqual([])
})

interface Rules {
  groups: { rules: { alert: string; expr: string }[] }[]
}
const alerts = (text: string) => (parse(text) as Rules).groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
