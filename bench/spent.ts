// What the services spend, read from their /metrics: processor, statements, round trips to the database, deliveries.
import { setTimeout as delay } from 'node:timers/promises'
import { type ServiceName, serviceNames } from '../tests/support/system.ts'
import { copyNumbers, type Site } from './stage.ts'

export interface Spent {
  cpuMs: number
  statements: number
  roundTrips: number
  /** Transactions that messages and requests shared. */
  groups: number
  /** By `queue type`. */
  deliveries: Record<string, number>
}

export type SpentByService = Record<ServiceName, Spent>

const LOOK_EVERY_MS = 200

const nothing = (): Spent => ({ cpuMs: 0, statements: 0, roundTrips: 0, groups: 0, deliveries: {} })

/**
 * Since they were started, all copies of each service together, once nothing is under way any more: an empty queue may have
 * handed over a message that is handled still, and then another follows from it.
 */
export async function spentBy(site: Pick<Site, 'system' | 'copies'>): Promise<SpentByService> {
  for (let last = await look(site); ; ) {
    await delay(LOOK_EVERY_MS)
    const now = await look(site)
    const handled = ({ spent }: Look) => count(total(spent).deliveries)
    if (now.underWay === 0 && handled(now) === handled(last)) return now.spent
    last = now
  }
}

interface Look {
  spent: SpentByService
  underWay: number
}

async function look({ system, copies }: Pick<Site, 'system' | 'copies'>): Promise<Look> {
  let underWay = 0
  const read = async (service: ServiceName) => {
    const all = await Promise.all(copyNumbers(copies).map((copy) => readOne(system.url(service, copy))))
    for (const one of all) underWay += one.underWay
    return [service, all.map(({ spent }) => spent).reduce(plus, nothing())] as const
  }
  // The cast only says that there is an entry for each name.
  const spent = Object.fromEntries(await Promise.all(serviceNames.map(read))) as SpentByService
  return { spent, underWay }
}

/** For each of so many orders, what was spent between two looks. */
export function spentAnOrder(before: SpentByService, after: SpentByService, orders: number): SpentByService {
  const entries = serviceNames.map((service) => [service, anOrder(before[service], after[service], orders)] as const)
  // As above.
  return Object.fromEntries(entries) as SpentByService
}

export const total = (spent: SpentByService): Spent => Object.values(spent).reduce(plus, nothing())

export const count = (deliveries: Record<string, number>): number =>
  Object.values(deliveries).reduce((all, one) => all + one, 0)

function plus(one: Spent, other: Spent): Spent {
  const deliveries = { ...one.deliveries }
  for (const [name, handled] of Object.entries(other.deliveries)) deliveries[name] = (deliveries[name] ?? 0) + handled
  return {
    cpuMs: one.cpuMs + other.cpuMs,
    statements: one.statements + other.statements,
    roundTrips: one.roundTrips + other.roundTrips,
    groups: one.groups + other.groups,
    deliveries,
  }
}

function anOrder(before: Spent, after: Spent, orders: number): Spent {
  const names = Object.keys(after.deliveries)
  const handled = (name: string) => ((after.deliveries[name] ?? 0) - (before.deliveries[name] ?? 0)) / orders
  return {
    cpuMs: (after.cpuMs - before.cpuMs) / orders,
    statements: (after.statements - before.statements) / orders,
    roundTrips: (after.roundTrips - before.roundTrips) / orders,
    groups: (after.groups - before.groups) / orders,
    deliveries: Object.fromEntries(names.map((name) => [name, handled(name)]).filter(([, times]) => times !== 0)),
  }
}

async function readOne(url: string): Promise<{ spent: Spent; underWay: number }> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n')
  const samples = lines.flatMap((line) => {
    const [, name = '', labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
    return value === undefined ? [] : [{ name, labels, value: Number(value) }]
  })
  const sampleOf = (...wanted: string[]) =>
    samples.filter(({ name }) => wanted.includes(name)).reduce((sum, { value }) => sum + value, 0)
  const deliveries: Record<string, number> = {}
  for (const { labels, value } of samples.filter(({ name }) => name === 'messages_handled_total')) {
    const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1]
    const delivery = `${label('queue')} ${label('type')}`
    deliveries[delivery] = (deliveries[delivery] ?? 0) + value
  }
  const spent = {
    cpuMs: sampleOf('process_cpu_seconds_total') * 1_000,
    statements: sampleOf('database_statements_total'),
    roundTrips: sampleOf('database_round_trips_total'),
    groups: sampleOf('group_commit_members_count'),
    deliveries,
  }
  return { spent, underWay: sampleOf('messages_under_way', 'outbox_under_way') }
}
