// `npm run build`: the services as plain JavaScript in build/, a workspace of its own that needs no TypeScript to run.
import { execFileSync } from 'node:child_process'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const OUT = 'build'

await rm(OUT, { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
const { workspaces } = JSON.parse(await readFile('package.json', 'utf8')) as { workspaces: string[] }
for (const folder of ['.', ...workspaces]) await copyPackage(folder)
await cp('package-lock.json', join(OUT, 'package-lock.json'))
for (const folder of workspaces) await copyFiles(folder)
process.stdout.write(`built into ${OUT}/: cd ${OUT} && npm ci --omit=dev && node order-service/main.js\n`)

/** The doors of `shared` lead to the compiled files; `testing` is for tests only and stays behind. */
async function copyPackage(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'package.json'), 'utf8')
  const doors = text.replace(/,?\s*"\.\/testing": "[^"]+"/, '').replace(/("\.\/[^"]+": "[^"]+)\.ts"/g, '$1.js"')
  await writeFile(join(OUT, folder, 'package.json'), doors)
}

/** Migrations, and the console's page: what the compiled code reads at run time. */
async function copyFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true }))
    if (/\.sql$|(^|\/)console\/[\w.-]+\.(html|css|js)$/.test(entry))
      await cp(join(folder, entry), join(OUT, folder, entry))
}
