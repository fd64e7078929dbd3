// Copies the databases of all services into a folder, while they run.
import { existsSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { copySqlite } from '@orders/shared/storage'
import { type Copied, sha256Of, syncPath, writeManifest } from './manifest.ts'

/** What is copied: the databases, or the keys of customers, which are kept apart from them. */
export type What = 'data' | 'keys'

interface Options {
  what: What
  services: readonly string[]
  dataDir: string
  to: string
  version: string
  now: Date
  progress(service: string, share: number): void
}

/**
 * Each database is copied as it was at one moment, one after the other. What was copied is on the disk when this resolves.
 *
 * @throws Error when the folder holds something, or there is no database; BrokenError `database_damaged`
 */
export async function backUp({ what, services, dataDir, to, version, now, progress }: Options): Promise<Copied[]> {
  const fileOf = (service: string) => `${service}${what === 'keys' ? '.keys' : ''}.db`
  const there = services.filter((service) => existsSync(join(dataDir, fileOf(service))))
  if (there.length === 0)
    throw new Error(`there is no database in ${dataDir}: set DATA_DIR to the data folder of the services`)
  await mkdir(to, { recursive: true })
  if ((await readdir(to)).length > 0) throw new Error(`${to} is not empty: a backup needs a new or empty folder`)
  const databases: Copied[] = []
  for (const service of there) {
    const file = fileOf(service)
    const path = join(to, file)
    const { migrations, said } = await copySqlite(join(dataDir, file), path, (share) => progress(service, share))
    await syncPath(path)
    const { size: bytes } = await stat(path)
    databases.push({ service, file, bytes, sha256: await sha256Of(path), migrations, said })
  }
  await writeManifest(to, { format: 1, version, createdAt: now.toISOString(), databases })
  return databases
}
