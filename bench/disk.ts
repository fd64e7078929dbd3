// How much of a disk each service's database takes: pages in use, indexes included, without the log that is written before them.
// Nor does the room count that the rows of the outbox leave to the next ones.
import { openDatabase } from '@orders/shared/storage'
import { type ServiceName, serviceNames } from '../tests/support/system.ts'
import type { Site } from './stage.ts'

export type BytesByService = Record<ServiceName, number>

export async function bytesOnDisk(site: Pick<Site, 'system' | 'databaseUrl'>): Promise<BytesByService> {
  const entries = await Promise.all(
    serviceNames.map(async (service) => [service, await bytesOf(`${service}-service`, site)] as const),
  )
  // The cast only says that there is an entry for each name.
  return Object.fromEntries(entries) as BytesByService
}

async function bytesOf(
  service: string,
  { system, databaseUrl }: Pick<Site, 'system' | 'databaseUrl'>,
): Promise<number> {
  const database = await openDatabase(service, system.dataDir, databaseUrl)
  try {
    const row = await database.get<{ bytes: number | string }>(
      database.dialect === 'sqlite'
        ? `select (pages.page_count - free.freelist_count) * size.page_size as bytes
           from pragma_page_count() as pages, pragma_freelist_count() as free, pragma_page_size() as size`
        : `select sum(pg_total_relation_size(tables.oid)) as bytes
           from pg_class as tables join pg_namespace as schemas on schemas.oid = tables.relnamespace
           where schemas.nspname = 'public' and tables.relkind = 'r' and tables.relname not like 'outbox%'`,
    )
    return Number(row?.bytes)
  } finally {
    await database.close()
  }
}
