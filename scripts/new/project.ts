// A project of one's own: two small services on the kernel, which comes packed with it, and nothing of this one's business.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { packKernel } from '../building/kernel.ts'
import { filled } from './files.ts'

const TEMPLATES = join(import.meta.dirname, 'templates', 'project')
const ROOT = join(import.meta.dirname, '..', '..')
/** What the project's manifest names, at the versions that are tested here. */
const PACKAGES = ['typebox', '@types/node', 'tsx', 'typescript', 'vitest']
/** npm and git give these a meaning wherever they lie. */
const HIDDEN: Record<string, string> = { gitignore: '.gitignore' }

/** @throws Error when there is something in `folder` already */
export async function writeProject(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty: name a new or empty folder`)
  const kernel = basename(await packKernel('build/kernel', folder))
  const words = { project: basename(resolve(folder)), kernel, ...(await versions()) }
  for (const path of await readdir(TEMPLATES, { recursive: true })) {
    if (!path.endsWith('.txt')) continue
    const name = path.slice(0, -'.txt'.length)
    const target = join(folder, HIDDEN[name] ?? name)
    const text = await readFile(join(TEMPLATES, path), 'utf8')
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, filled(text, words))
  }
}

async function versions(): Promise<Record<string, string>> {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  return Object.fromEntries(PACKAGES.map((name) => [name, packages[`node_modules/${name}`].version]))
}
