// Databases of their own for a test, on the tests' PostgreSQL server or on one that it kills.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { serviceNames } from './system.ts'

export interface TestDatabase {
  /** A DATABASE_URL. Whoever opens it first creates the database. */
  url: string
  remove(): Promise<void>
}

/** One database. */
export function testDatabase(server = testServer()): TestDatabase {
  const name = uniqueName()
  return { url: `${server}/${name}`, remove: () => drop(server, [name]) }
}

/** One database for each service. */
export function testDatabases(server = testServer()): TestDatabase {
  const name = uniqueName()
  const all = serviceNames.map((service) => `${name}_${service}-service`)
  return { url: `${server}/${name}_{service}`, remove: () => drop(server, all) }
}

/** The rows of one statement, over a connection of its own. */
export async function query<R extends object>(url: string, statement: string): Promise<R[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<R>(statement)).rows
  } finally {
    await client.end()
  }
}

/** The database of one service. */
export function urlFor(url: string, service: string): string {
  return url.replace('{service}', `${service}-service`)
}

const uniqueName = () => `test_${randomUUID().slice(0, 8)}`

async function drop(server: string, names: string[]): Promise<void> {
  for (const name of names) await query(`${server}/postgres`, `drop database if exists "${name}" with (force)`)
}

function testServer(): string {
  const url = process.env.TEST_POSTGRES_URL
  if (url === undefined)
    throw new Error('TEST_POSTGRES_URL is not set: run the tests by npm test, which starts a server')
  return url
}
