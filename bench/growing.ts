// Fills the tables as if many more orders had gone through: what the databases hold of a few orders is multiplied in SQL, each
// copy under ids of its own. No service may run meanwhile.
import { type Database, openDatabase } from '@orders/shared/storage'
import { keysOf } from '../audit-service/block.ts'
import type { Site } from './stage.ts'

/** Stands in the ids of the orders that are multiplied; the copies have other numbers of the same length in its place. */
const FIRST = 100_000
export const SEED = `grown${FIRST}`
/** The first copy of the first of them. */
export const COPIED = `grown${FIRST + 1}-0`
const COPY = `replace(%, '${SEED}', 'grown' || (${FIRST} + copy.number))`

/** In one transaction. */
const COPIES_AT_ONCE = 50

/** What of a table is multiplied, and what each column says in a copy. */
interface Plan {
  table: string
  which: string
  copied: Record<string, string>
}

export async function grow(service: string, { system, databaseUrl }: Site, copies: number): Promise<void> {
  const database = await openDatabase(`${service}-service`, system.dataDir, databaseUrl)
  try {
    const plans = service === 'audit' ? await auditPlans(database) : await plansOf(database)
    for (const plan of plans) await multiply(database, plan, copies)
    // Both do so by themselves in time.
    if (database.dialect === 'sqlite') await database.all('pragma wal_checkpoint(truncate)')
    else await database.run('analyze')
  } finally {
    await database.close()
  }
}

async function multiply(database: Database, { table, which, copied }: Plan, copies: number): Promise<void> {
  const names = Object.keys(copied).join(', ')
  const values = Object.values(copied).join(', ')
  await database.run(`create table seeds as select * from ${table} where ${which}`)
  for (let done = 0; done < copies; done += COPIES_AT_ONCE)
    await database.run(
      `with recursive copy (number) as (
         select ${done + 1} union all select number + 1 from copy where number < ${Math.min(copies, done + COPIES_AT_ONCE)}
       )
       insert into ${table} (${names}) select ${values} from copy cross join seeds`,
    )
  await database.run('drop table seeds')
}

interface Column {
  name: string
  isText: boolean
  /** Given by the database, one after the other. */
  isCounted: boolean
}

/** Every table in which an order's id is found, in whatever columns. What waits to be published would be. */
async function plansOf(database: Database): Promise<Plan[]> {
  const tables = (await tablesOf(database)).filter(([table]) => !table.startsWith('outbox'))
  return tables.flatMap(([table, columns]) => {
    const texts = columns.filter(({ isText }) => isText)
    if (texts.length === 0) return []
    const kept = columns.filter(({ isCounted }) => !isCounted)
    return [
      {
        table,
        which: texts.map(({ name }) => `${name} like '%${SEED}%'`).join(' or '),
        copied: Object.fromEntries(kept.map(({ name, isText }) => [name, isText ? COPY.replace('%', name) : name])),
      },
    ]
  })
}

async function tablesOf(database: Database): Promise<[string, Column[]][]> {
  const rows = await database.all<{ place: string; name: string; kind: string; counted: number }>(
    database.dialect === 'sqlite'
      ? `select tables.name as place, columns.name as name, lower(columns.type) as kind,
           columns.pk = 1 and lower(columns.type) = 'integer' as counted
         from sqlite_schema as tables, pragma_table_info(tables.name) as columns where tables.type = 'table'`
      : `select table_name as place, column_name as name, data_type as kind,
           case when is_identity = 'YES' then 1 else 0 end as counted
         from information_schema.columns where table_schema = 'public'`,
  )
  const tables = new Map<string, Column[]>()
  for (const { place, name, kind, counted } of rows)
    tables.set(place, [...(tables.get(place) ?? []), { name, isText: kind === 'text', isCounted: counted === 1 }])
  return [...tables]
}

/**
 * The audit's numbers follow each other without holes, so a copy of all entries has each of them moved on by as many as there
 * are. Its hashes fit no chain, which is of no matter to who does not check it.
 */
async function auditPlans(database: Database): Promise<Plan[]> {
  const range = await database.get<{ first: number; last: number }>(
    `select (select min(number) from subjects where subject like '${SEED}%') as first,
       (select max(sequence) from places where key > 0) as last`,
  )
  if (!range) throw new Error('the audit knows no order to multiply')
  const { first, last } = range
  const moved = `copy.number * ${last - first + 1}`
  return [
    {
      table: 'blocks',
      which: `first >= ${first}`,
      copied: {
        first: `first + ${moved}`,
        ...{ dictionary: 'dictionary', hashes: 'hashes', records: 'records', leaves: 'leaves' },
      },
    },
    {
      table: 'subjects',
      which: `number >= ${first}`,
      copied: { number: `seeds.number + ${moved}`, subject: COPY.replace('%', 'subject') },
    },
    {
      table: 'places',
      which: `sequence >= ${first}`,
      // Above zero it is made of a subject's number, below of a kind's.
      copied: {
        key: `case when key > 0 then key + ${moved} * ${keysOf(1).least} else key end`,
        sequence: `sequence + ${moved}`,
      },
    },
  ]
}
