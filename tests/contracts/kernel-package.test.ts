// The kernel as a package: what npm would publish can be used by others, and a project that is made with it passes its own tests.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeProject } from '../../scripts/new/project.ts'
import { makeProject, type OwnProject } from '../support/own-project.ts'

let project: OwnProject

beforeAll(async () => {
  project = await makeProject()
}, 120_000)

afterAll(() => project?.remove())

it('has nothing that publint or arethetypeswrong object to, for those who import it', async () => {
  const { messages } = await publint({ pkgDir: project.kernel, strict: true })
  expect(messages).toEqual([])
  const analysis = await checkPackage(createPackageFromTarballData(await readFile(project.archive)))
  const problems = analysis.types === false ? ['no types'] : analysis.problems
  // It is of modules only, which TypeScript of before 4.7 and CommonJS without `import()` cannot know.
  expect(problems.filter((one) => typeof one === 'string' || !isOfOldResolution(one))).toEqual([])
}, 120_000)

it('has no word of this project’s business in it', async () => {
  const { kernel } = project
  const all = await readdir(kernel, { recursive: true })
  const paths = all.filter((path) => !path.startsWith('node_modules') && /\.(m?js|d\.ts|sql)$/.test(path))
  const texts = await Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(kernel, path), 'utf8') })),
  )
  const wordOfOrders = /@orders\/|contracts\/(?!definition\/)|order-service|inventory|payment-service/
  const codeOf = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  expect(texts.filter(({ text }) => wordOfOrders.test(codeOf(text))).map(({ path }) => path)).toEqual([])
  expect(paths.length).toBeGreaterThan(100)
})

it('a project that is made on it passes its own tests', async () => {
  expect((await project.npm(['test'])).stdout).toMatch(/Tests +9 passed \(9\)/)
  const simulated = await project.npm(['run', 'simulate', '--', '--seed', '7', '--loans', '50'])
  expect(simulated.stdout).toContain('no violations')
}, 240_000)

it('is made in an empty folder only', async () => {
  await expect(writeProject(project.folder)).rejects.toThrow('is not empty')
})

function isOfOldResolution(problem: object): boolean {
  const { kind, resolutionKind } = problem as { kind: string; resolutionKind?: string }
  return resolutionKind === 'node10' || kind === 'CJSResolvesToESM'
}
