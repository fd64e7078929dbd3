// Reads bounces from a Maildir. Whichever copy is first reads a new mail and moves it to `cur`. A mail that contains no
// delivery status notification is flagged there, for a person to look at.
import { mkdir, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asError, errorCode, type Log, lookEvery } from '@orders/shared/runtime'
import type { Take } from './callbacks.ts'
import { reportsInDsn } from './dsn.ts'
import { saidOf } from './mail-reports.ts'

interface Options {
  folder: string
  mailIdDomain: string
  take: Take
  log: Log
  now: () => Date
  everyMs?: number
}

const EVERY_MS = 10_000
const BATCH = 200
const BYTES_MAX = 2_097_152

/** Polls until it is closed. */
export function watchBounces({ folder, mailIdDomain, take, log, now, everyMs = EVERY_MS }: Options) {
  const fresh = join(folder, 'new')
  const done = join(folder, 'cur')

  async function look(): Promise<void> {
    await mkdir(fresh, { recursive: true })
    await mkdir(done, { recursive: true })
    for (const name of (await readdir(fresh)).sort().slice(0, BATCH))
      await takeOne(name).catch((error) => {
        // Another copy was faster.
        if (errorCode(asError(error)) !== 'ENOENT') throw error
      })
  }

  /** Moved only after its reports are stored. After a crash in between it is read again, which changes nothing. */
  async function takeOne(name: string): Promise<void> {
    const path = join(fresh, name)
    const { size } = await stat(path)
    const reports = size > BYTES_MAX ? [] : await reportsInDsn(await readFile(path), mailIdDomain).catch(() => [])
    for (const report of reports) await take(saidOf(report, now().toISOString()))
    // Maildir flags: `S` for seen, `F` for flagged.
    const flag = reports.length > 0 ? 'S' : 'F'
    await rename(path, join(done, `${name.replace(/:2,[A-Z]*$/, '')}:2,${flag}`))
    if (reports.length === 0)
      log.info({ file: name }, 'a mail in the bounce folder contains no report about a mail of this service')
  }

  const looks = lookEvery(everyMs, look, (err) => log.warn({ err }, 'the bounce folder cannot be read'))
  void looks.now()
  return looks
}
