// Marks a database that is being rebuilt, so that no service starts on it before it is complete.
import type { Reader, Sql } from '../storage/index.ts'

const HEALING = 'healing'

export async function beginHealing(sql: Sql): Promise<void> {
  await sql.run('insert into epochs (epoch, last) values (?, 0) on conflict (epoch) do nothing', HEALING)
}

export async function endHealing(sql: Sql): Promise<void> {
  await sql.run('delete from epochs where epoch = ?', HEALING)
}

export async function isHealing(sql: Reader): Promise<boolean> {
  return (await sql.get('select 1 from epochs where epoch = ?', HEALING)) !== undefined
}
