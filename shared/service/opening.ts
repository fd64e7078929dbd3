// Opens and migrates a service's database, and opens a broker for a command that acts in the service's name.
import { join } from 'node:path'
import type { Domain } from '../contracts/definition/domain.ts'
import { type Broker, openRabbit, readAmqpTls } from '../messaging/index.ts'
import type { CommonConfig } from '../runtime/config.ts'
import type { Log } from '../runtime/log.ts'
import { type Database, migrate } from '../storage/index.ts'
import { brokerOf } from './broker.ts'

const KERNELS_MIGRATIONS = join(import.meta.dirname, '..', 'storage', 'migrations')

/** @throws BrokenError `migration_changed` */
export async function upToDate(database: Database, folder: string, log: Log): Promise<void> {
  const applied = await migrate(database, [KERNELS_MIGRATIONS, join(folder, 'migrations')], () =>
    log.warn('waiting for another process that holds the database, perhaps a copy that migrates it'),
  )
  if (applied.length > 0) log.info({ migrations: applied }, 'database migrated')
}

/** For a command that asks in a service's name and consumes none of its queues. */
export function openServiceBroker(
  { name, domain }: { name: string; domain: Domain },
  config: CommonConfig,
  log: Log,
): Broker {
  const broken = (error: Error) => log.error({ err: error }, error.message)
  return openRabbit({
    ...brokerOf(config, domain),
    owner: name,
    tls: readAmqpTls(config),
    name: `${name} heal`,
    log,
    broken,
  })
}
