// Puts the databases of a backup back in their place, and what was there aside.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { endEpoch } from '@orders/shared/messaging'
import { convertSqlite, isSqliteInUse, lookIntoSqlite, openSqlite } from '@orders/shared/storage'
import { type Copied, isOfKeys, readManifest, sha256Of, syncPath } from './manifest.ts'

interface Options {
  from: string
  dataDir: string
  /** One of them; undefined: all. */
  service?: string | undefined
  /** Also where the database has said more than its copy knows. */
  force: boolean
  now: Date
}

export interface PutBack {
  service: string
  /** Where what was there is now; undefined where nothing was. */
  movedTo: string | undefined
}

/**
 * Nothing is touched unless all of them can be put back.
 *
 * @throws Error that says which cannot, why, and what to do
 */
export async function putBack({ from, dataDir, service, force, now }: Options): Promise<PutBack[]> {
  const { databases } = await readManifest(from)
  const wanted = databases.filter((one) => service === undefined || one.service === service)
  if (wanted.length === 0)
    throw new Error(`the backup has no ${service}; it has ${databases.map((one) => one.service).join(', ')}`)
  for (const one of wanted) await demandWhole(from, one)
  const faults = wanted.flatMap((one) => faultOf(join(dataDir, one.file), one, force) ?? [])
  if (faults.length > 0) throw new Error(faults.join('\n'))
  await mkdir(dataDir, { recursive: true })
  const put: PutBack[] = []
  for (const one of wanted) put.push(await replaced(from, dataDir, one, now))
  return put
}

async function demandWhole(from: string, { file, sha256 }: Copied): Promise<void> {
  const path = join(from, file)
  if (!existsSync(path)) throw new Error(`${path} is missing: nothing was restored`)
  if ((await sha256Of(path)) !== sha256)
    throw new Error(
      `${path} has changed since the backup: its SHA-256 differs. Nothing was restored; use another backup.`,
    )
}

function faultOf(path: string, { service, file, said }: Copied, force: boolean): string | undefined {
  if (isSqliteInUse(path)) return `${service} runs, or another program has ${path} open: stop it first`
  if (force) return undefined
  const now = lookedInto(path)
  if (now === 'damaged') return undefined
  if (now !== undefined && isOfKeys(file))
    return `${path} is there: keys made since the backup would be missing, and deleted ones would be back. To replace it anyway, add --force.`
  const more = (now?.said ?? 0) - said
  return more > 0
    ? `${path} is newer than the backup: the service has recorded ${more} messages since. To replace it anyway, add --force.`
    : undefined
}

/** What is damaged is what one restores a backup for. */
function lookedInto(path: string) {
  try {
    return lookIntoSqlite(path)
  } catch {
    return 'damaged' as const
  }
}

/** The copy is whole on the disk before the old one leaves its place. */
async function replaced(from: string, dataDir: string, { service, file }: Copied, now: Date): Promise<PutBack> {
  const path = join(dataDir, file)
  const coming = `${path}.coming`
  await copyFile(join(from, file), coming)
  // A copy of an earlier version's file learns to give back what is deleted.
  convertSqlite(coming)
  await beginAnew(coming)
  await syncPath(coming)
  const aside = `${path}.before-${now.toISOString().replaceAll(':', '')}`
  const movedTo = existsSync(path) ? aside : undefined
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(`${path}${suffix}`)) await rename(`${path}${suffix}`, `${aside}${suffix}`)
  await rename(coming, path)
  await syncPath(dataDir)
  return { service, movedTo }
}

/** Whatever was recorded after the copy was made is not known to it: so the service finds out that it is behind. */
async function beginAnew(path: string): Promise<void> {
  const database = openSqlite(path)
  try {
    const hasEpochs = await database.get(`select 1 from sqlite_master where name = 'epochs'`)
    if (hasEpochs) await endEpoch(database)
  } finally {
    await database.close()
  }
}
