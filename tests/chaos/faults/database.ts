// What happens to the PostgreSQL server: stopped in order, killed, or told to throw a service's sessions out.
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { PostgresServer } from '../../../scripts/postgres/server.ts'
import type { World } from '../world.ts'
import { recovered } from './broker.ts'
import type { Inject } from './fault.ts'

export const database: Inject<'database'> = async (world, { how }) => {
  const server = serverOf(world)
  await (how === 'kill' ? server.kill() : server.stop())
  return async () => {
    await server.restart()
    await recovered(world)
    return { felt: 1, what: how === 'kill' ? 'killed and restarted' : 'stopped and restarted' }
  }
}

const AGAIN_AFTER_MS = 20

/** Again and again, since most find it between two transactions. */
export const sessions: Inject<'sessions'> = async (world, { service }, forMs) => {
  const client = new Client({ connectionString: `${serverOf(world).url}/postgres` })
  client.on('error', () => undefined)
  await client.connect()
  let felt = 0
  let atWork = 0
  try {
    for (const until = performance.now() + forMs; performance.now() < until; await delay(AGAIN_AFTER_MS)) {
      const { rows } = await client.query<{ state: string }>(THROW_OUT, [`${service}-service`])
      felt += rows.length
      atWork += rows.filter(({ state }) => state !== 'idle').length
    }
  } finally {
    await client.end().catch(() => undefined)
  }
  return async () => ({ felt, what: `sessions thrown out, ${atWork} of them at work` })
}

const THROW_OUT = `select state, pg_terminate_backend(pid) from pg_stat_activity
  where application_name = $1 and backend_type = 'client backend'`

function serverOf({ postgres }: World): PostgresServer {
  if (!postgres) throw new Error('there is no PostgreSQL server in this run')
  return postgres
}
