// Reads what is left when a simulation has come to rest: straight from queues and databases, by SQL that shares nothing with
// the services.
import { createHash } from 'node:crypto'
import type { Letter } from './operator.ts'
import type { World } from './world.ts'

export interface Kept {
  /** Messages in each queue, with unsettled deliveries. */
  queues: { name: string; messages: number }[]
  outboxRows: { service: string; rows: number }[]
  retries: { service: string; rows: { id: string; why: string }[] }[]
  letters: Letter[]
}

/** Tables with random names and times of processes. */
const OF_LIVES = ['outbox', 'outbox_copies', 'migrations']

export function whatIsKept(world: World, letters: ReadonlyMap<string, Letter>): Kept {
  const { memory, domain, services } = world
  return {
    queues: domain.topology.queues.map(({ name }) => ({
      name,
      messages: memory.messages(name).length + memory.unsettled(name),
    })),
    retries: services.map(({ name }) => ({ service: name, rows: rowsOf(world, name, 'select id, why from retries') })),
    outboxRows: services.map(({ name }) => ({
      service: name,
      rows: rowsOf<{ rows: number }>(world, name, 'select count(*) as rows from outbox')[0]?.rows ?? Number.NaN,
    })),
    letters: [...letters.values()],
  }
}

/** Reads the service's database directly, not through its processes. */
export function rowsOf<R>(world: World, service: string, sql: string): R[] {
  return world.store(service).connection.prepare(sql).all() as R[]
}

/**
 * Exceptions from the comparison: tables that are left out, and conditions for the rows of tables that are compared in part.
 */
export interface Unlike {
  without?: readonly string[]
  only?: Readonly<Record<string, string>>
}

/** Everything that the services store, as one hash for each table. */
export function everythingKept(world: World, unlike: Unlike = {}): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const { name } of world.services)
    for (const table of tablesOf(world, name, unlike))
      kept[`${name} ${table}`] = hashOfTable(world, name, table, unlike)
  return kept
}

function tablesOf(world: World, service: string, { without = [] }: Unlike): string[] {
  const tables = rowsOf<{ name: string }>(
    world,
    service,
    `select name from sqlite_master where type = 'table' order by name`,
  )
  return tables.map(({ name }) => name).filter((name) => ![...OF_LIVES, ...without].includes(name))
}

export function hashOfTable(world: World, service: string, table: string, { only = {} }: Unlike = {}): string {
  const rows = world
    .store(service)
    .connection.prepare(`select * from ${table} ${only[table] ?? ''}`)
    .raw()
    .iterate()
  const hash = createHash('sha1')
  for (const row of rows) hash.update(JSON.stringify(row))
  return hash.digest('hex')
}
