// Claims over a SQLite file that two copies share.
import { join } from 'node:path'
import { openSqlite } from '@orders/shared/storage'
import { claimsSuite } from '../claims-suite.ts'

claimsSuite('SQLite', async (folder) => ({
  environment: { DATA_DIR: folder },
  open: async () => openSqlite(join(folder, 'claims.db')),
  remove: async () => undefined,
}))
