// What a backup says of itself: a file beside the copies, written last, so that a folder without it is no backup.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

const MANIFEST = 'manifest.json'

const Copied = Type.Object({
  service: Type.String({ pattern: '^[a-z-]+$' }),
  file: Type.String({ pattern: '^[a-z-]+(\\.keys)?\\.db$' }),
  bytes: Type.Integer(),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  migrations: Type.Array(Type.String()),
  said: Type.Integer({ description: 'messages that the service had recorded to be published' }),
})
const Manifest = Type.Object({
  format: Type.Literal(1),
  version: Type.String(),
  createdAt: Type.String(),
  databases: Type.Array(Copied),
})
export type Copied = Static<typeof Copied>
export const isOfKeys = (file: string) => file.endsWith('.keys.db')
export type Manifest = Static<typeof Manifest>

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, MANIFEST)
  const file = await open(path, 'wx')
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncPath(folder)
}

/** @throws Error that says what is wrong with the folder */
export async function readManifest(folder: string): Promise<Manifest> {
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`)
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined)
  if (text === undefined)
    throw new Error(`${folder} is not a backup, or the backup was not finished: it has no ${MANIFEST}`)
  const manifest = parsed(text)
  if (!Check(Manifest, manifest)) throw new Error(`${join(folder, MANIFEST)} was not written by npm run backup`)
  return manifest
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** A file that is written, and a name in a folder, outlive the loss of power only when that was asked for. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
