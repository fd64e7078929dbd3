// The folder of archives. A file is complete, on disk and under its name, or it does not exist.
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { asError, BrokenError } from '@orders/shared/runtime'
import type { Verifier } from '../proof/note.ts'
import { type Archive, openArchive } from './file.ts'

/** `audit-2025-01-000000000001.archive`: the month in which its first entry was received, and that entry's sequence. */
export const fileNamed = (month: string, first: number) => `audit-${month}-${String(first).padStart(12, '0')}.archive`

export const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Resolves when the file is on disk. It may replace a file of the same name: that one's bodies are still in the database. */
export async function writeWhole(folder: string, file: string, bytes: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true })
  const coming = join(folder, `${file}.coming`)
  const handle = await open(coming, 'w')
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(coming, join(folder, file))
  const entry = await open(folder, 'r')
  try {
    await entry.sync()
  } finally {
    await entry.close()
  }
}

/**
 * Reads the file from disk and verifies it.
 *
 * @throws BrokenError `archive_broken` if it is missing, is not the file that was written, or does not verify
 */
export async function readWhole(
  path: string,
  verifier: Verifier,
  sha256?: string,
): Promise<Archive & { sha256: string }> {
  try {
    const bytes = await readFile(path)
    const found = sha256Of(bytes)
    if (sha256 !== undefined && found !== sha256) throw new Error('it is not the file that audit-service wrote')
    return { ...openArchive(bytes, verifier), sha256: found }
  } catch (thrown) {
    throw new BrokenError('archive_broken', `${path}: ${asError(thrown).message}`, { cause: thrown })
  }
}
