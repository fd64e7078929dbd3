// The pages of failures promise only what a test proves, in words that the code says, and leave no fault test out.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { files, paths, root } from '../architecture/source.ts'

interface Row {
  fault: string
  seen: string
  proof: string
}

/** In the order of the table in docs/failure-modes.md. */
const index = readFileSync(join(root, 'docs', 'failure-modes.md'), 'utf8')
const page = [...index.matchAll(/^\| .+ \| \[.+\]\((failures-[\w-]+\.md)\) \|$/gm)]
  .map(([, name = '']) => readFileSync(join(root, 'docs', name), 'utf8'))
  .join('\n')
const linked = [...page.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path = '']) => path)
const tables = [...page.matchAll(/^\| fault \| what happens \| what one sees \| proved by \|\n\|-.*\n((?:\|.*\n)+)/gm)]
const rows = tables.flatMap(([, lines = '']) => lines.trim().split('\n').map(rowOf))

function rowOf(line: string): Row {
  const [, fault = '', , seen = '', proof = ''] = line.split('|').map((cell) => cell.trim())
  return { fault, seen, proof }
}

it('has a table of faults for each group', () => {
  const groups = [...page.matchAll(/^## (.+)\n\n\| fault \|/gm)].map(([, heading]) => heading)
  const wanted = ['A process', 'The broker', 'The network', 'The database', 'The outside world', 'Bad input']
  expect(groups).toEqual([...wanted, 'The operator'])
  expect(tables).toHaveLength(groups.length)
})

it('names only files that are there', () => {
  expect(linked.filter((path) => !existsSync(join(root, path)))).toEqual([])
})

it('names every test of a fault', () => {
  const faults = paths.filter((path) => /^tests\/(faults|cluster)\/when-.*\.test\.ts$/.test(path))
  expect(faults.length).toBeGreaterThan(0)
  expect(faults.filter((path) => !linked.includes(path))).toEqual([])
})

describe.each(rows)('$fault', ({ seen, proof }) => {
  it('is proved by a test', () => {
    expect(proof).toMatch(/\]\(\.\.\/\S+\.test\.ts\)/)
  })

  it('is seen by texts that are in the code', () => {
    const texts = [...seen.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
    expect(texts.filter((text) => !code.includes(text))).toEqual([])
  })
})

it('calls a test an oracle only where it compares the books', () => {
  const withOracle = rows.filter(({ proof }) => proof.includes('**oracle**'))
  const comparing = (row: Row) =>
    files.some(({ path, text }) => row.proof.includes(`(../${path})`) && text.includes('expectAgreement('))
  expect(withOracle.length).toBeGreaterThan(0)
  expect(withOracle.filter((row) => !comparing(row))).toEqual([])
})

/** What runs in production and in the operator's hands. */
const code = files
  .filter(({ path }) => !/(^|\/)tests?\//.test(path))
  .map(({ text }) => text)
  .join('\n')
