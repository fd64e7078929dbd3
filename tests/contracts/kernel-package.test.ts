// The kernel as a package: what npm would publish can be used by others, and a project that is made with it passes its own tests.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NAME } from '../../scripts/building/kernel.ts'
import { writeProject } from '../../scripts/new/project.ts'

const run = promisify(execFile)
let scratch: string
let project: string
let kernel: string

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'kernel-package-'))
  project = join(scratch, 'library')
  await writeProject(project)
  kernel = join(project, 'node_modules', NAME)
  await mkdir(kernel, { recursive: true })
  const archive = (await readdir(project)).find((name) => name.endsWith('.tgz')) ?? ''
  await run('tar', ['xzf', join(project, archive), '-C', kernel, '--strip-components=1'])
}, 120_000)

afterAll(() => rm(scratch, { recursive: true, force: true }))

it('has nothing that publint or arethetypeswrong object to, for those who import it', async () => {
  const { messages } = await publint({ pkgDir: kernel, strict: true })
  expect(messages).toEqual([])
  const archive = (await readdir(project)).find((name) => name.endsWith('.tgz')) ?? ''
  const analysis = await checkPackage(createPackageFromTarballData(await readFile(join(project, archive))))
  const problems = analysis.types === false ? ['no types'] : analysis.problems
  // It is of modules only, which TypeScript of before 4.7 and CommonJS without `import()` cannot know.
  expect(problems.filter((one) => typeof one === 'string' || !isOfOldResolution(one))).toEqual([])
}, 120_000)

it('has no word of this project’s business in it', async () => {
  const paths = (await readdir(kernel, { recursive: true })).filter((path) => /\.(js|d\.ts|sql)$/.test(path))
  const texts = await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(kernel, path), 'utf8') })),
  )
  const wordOfOrders = /@orders\/|contracts\/(?!definition\/)|order-service|inventory|payment-service/
  const codeOf = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  expect(texts.filter(({ text }) => wordOfOrders.test(codeOf(text))).map(({ path }) => path)).toEqual([])
  expect(paths.length).toBeGreaterThan(100)
})

it('a project that is made on it passes its own tests', async () => {
  await linkPackages()
  const { stdout } = await run('npm', ['test'], { cwd: project, env: { ...process.env, CI: '1', NO_COLOR: '1' } })
  expect(stdout).toMatch(/Tests +9 passed \(9\)/)
  const simulated = await run('npm', ['run', 'simulate', '--', '--seed', '7', '--loans', '50'], { cwd: project })
  expect(simulated.stdout).toContain('no violations')
}, 240_000)

it('is made in an empty folder only', async () => {
  await expect(writeProject(project)).rejects.toThrow('is not empty')
})

function isOfOldResolution(problem: object): boolean {
  const { kind, resolutionKind } = problem as { kind: string; resolutionKind?: string }
  return resolutionKind === 'node10' || kind === 'CJSResolvesToESM'
}

/** What `npm install` would bring, from what is installed here: no registry is asked. */
async function linkPackages(): Promise<void> {
  const into = join(project, 'node_modules')
  for (const name of await readdir('node_modules'))
    if (!['@orders', '.cache', '.vite', '.vite-temp', NAME].includes(name))
      await symlink(resolve('node_modules', name), join(into, name))
  await symlink(resolve('shared', 'node_modules'), join(kernel, 'node_modules'))
}
