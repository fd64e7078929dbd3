// Builds the services as plain JavaScript in a folder of their own, a workspace that needs no TypeScript to run.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Builds into `out`, which is emptied first. */
export async function buildServices(out: string): Promise<void> {
  await rm(out, { recursive: true, force: true })
  const compiler = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', out]
  execFileSync(process.execPath, compiler, { stdio: 'inherit' })
  const folders = await workspaces()
  for (const folder of ['.', ...folders]) await copyPackage(folder, out)
  await cp('package-lock.json', join(out, 'package-lock.json'))
  for (const folder of folders) await copyFiles(folder, out)
}

/** Lets services built somewhere below this project run there, with the packages that are installed in it. */
export async function linkPackages(out: string): Promise<void> {
  await mkdir(join(out, 'node_modules', '@orders'), { recursive: true })
  await symlink('../../shared', join(out, 'node_modules', '@orders', 'shared'))
  // npm puts a package beside the workspace that needs it when another version of it is elsewhere.
  for (const folder of await workspaces())
    if (existsSync(join(folder, 'node_modules')))
      await symlink(resolve(folder, 'node_modules'), join(out, folder, 'node_modules'))
}

async function workspaces(): Promise<string[]> {
  return (JSON.parse(await readFile('package.json', 'utf8')) as { workspaces: string[] }).workspaces
}

/** The doors of `shared` lead to the compiled files; `testing` is for tests only and stays behind. */
async function copyPackage(folder: string, out: string): Promise<void> {
  const text = await readFile(join(folder, 'package.json'), 'utf8')
  const doors = text.replace(/,?\s*"\.\/testing": "[^"]+"/, '').replace(/("\.\/[^"]+": "[^"]+)\.ts"/g, '$1.js"')
  await writeFile(join(out, folder, 'package.json'), doors)
}

/** Migrations, templates and the console's page: what the compiled code reads at run time. */
export function isReadAtRunTime(path: string): boolean {
  return /\.(sql|hbs)$|(^|\/)templates\/[\w./-]+\.json$|(^|\/)console\/[\w.-]+\.(html|css|js)$/.test(path)
}

async function copyFiles(folder: string, out: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true }))
    if (isReadAtRunTime(entry)) await cp(join(folder, entry), join(out, folder, entry))
}
