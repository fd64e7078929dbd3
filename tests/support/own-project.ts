// A project of one's own, made as `npm run new -- project` makes it, with the kernel as npm would publish it.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { NAME } from '../../scripts/building/kernel.ts'
import { writeProject } from '../../scripts/new/project.ts'

const run = promisify(execFile)

export interface OwnProject {
  folder: string
  /** Where its kernel lies, unpacked. */
  kernel: string
  /** The packed kernel. */
  archive: string
  /** Runs one of its npm scripts. Rejects, with what it said, when that ends with another code than 0. */
  npm(args: string[], environment?: Record<string, string>): Promise<{ stdout: string }>
  remove(): Promise<void>
}

export async function makeProject(): Promise<OwnProject> {
  const scratch = await mkdtemp(join(tmpdir(), 'own-project-'))
  const folder = join(scratch, 'library')
  await writeProject(folder)
  const kernel = join(folder, 'node_modules', NAME)
  await mkdir(kernel, { recursive: true })
  const archive = join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '')
  await run('tar', ['xzf', archive, '-C', kernel, '--strip-components=1'])
  await linkPackages(folder, kernel)
  return {
    ...{ folder, kernel, archive },
    npm: (args, environment = {}) =>
      run('npm', args, { cwd: folder, env: { ...process.env, CI: '1', NO_COLOR: '1', ...environment } }),
    remove: () => rm(scratch, { recursive: true, force: true }),
  }
}

/** What `npm install` would bring, from what is installed here: no registry is asked. */
async function linkPackages(folder: string, kernel: string): Promise<void> {
  for (const name of await readdir('node_modules'))
    if (!['@orders', '.cache', '.vite', '.vite-temp', NAME].includes(name))
      await symlink(resolve('node_modules', name), join(folder, 'node_modules', name))
  await symlink(resolve('shared', 'node_modules'), join(kernel, 'node_modules'))
}
