// What GitHub reads: the forms of issues, and the workflow that runs what must hold.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'

const read = (path: string) => parse(readFileSync(join('.github', path), 'utf8'))

it('the workflow runs the script that runs everything, on the oldest Node that is promised and newer ones', () => {
  const { jobs } = read('workflows/everything.yml')
  const commands = jobs.run.steps.map(({ run }: { run?: string }) => run)
  expect(commands).toContain('.ci/run')
  expect(statSync('.ci/run').mode & 0o111).not.toBe(0)
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(`>=${jobs.run.strategy.matrix.node[0]}`).toBe(engines.node)
})

it('the script calls only npm scripts that are there', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const called = [...readFileSync('.ci/run', 'utf8').matchAll(/^npm (?:run )?([\w:-]+)/gm)].map(([, name = '']) => name)
  expect(called).toContain('test')
  expect(called.filter((name) => !(name in scripts))).toEqual([])
})

it.each(readdirSync('.github/ISSUE_TEMPLATE').filter((name) => name !== 'config.yml'))('%s is a form', (name) => {
  const { description, body } = read(`ISSUE_TEMPLATE/${name}`)
  expect(description).toMatch(/\S/)
  const asked: { type: string; id?: string }[] = body.filter(({ type }: { type: string }) => type !== 'markdown')
  expect(asked.filter(({ type, id }) => !['textarea', 'input'].includes(type) || id === undefined)).toEqual([])
  expect(asked.length).toBeGreaterThan(0)
})

it('what a newcomer is sent to is there', () => {
  const pages = ['CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md', 'LICENSE', '.github/pull_request_template.md']
  expect(pages.filter((path) => !existsSync(path))).toEqual([])
})
