// The figures of the last release, kept in the repository: what each later run is compared with.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Figure, ReleasedFigures } from './report.ts'

const FILE = join(import.meta.dirname, 'released.json')

/** What a run was, beside its figures. */
export interface Run {
  date: string
  command: string
  machine: string
}

export async function releasedFigures(): Promise<ReleasedFigures> {
  // The cast is the decoding edge: nobody but `release` writes the file.
  return JSON.parse(await readFile(FILE, 'utf8')) as ReleasedFigures
}

/** Takes the place of what was released under the same names; what this run has not measured stays as it was. */
export async function release(figures: readonly Figure[], run: Run): Promise<void> {
  const now = Object.fromEntries(
    figures.map(({ name, unit, ours, ratio }) => [
      name,
      { value: rounded(ours), unit, ...(ratio !== undefined && { ratio: rounded(ratio) }), ...run },
    ]),
  )
  await writeFile(FILE, `${JSON.stringify({ ...(await releasedFigures()), ...now }, null, 2)}\n`)
}

/** As much as is true of a measurement. */
const rounded = (value: number) => Number(value.toPrecision(4))
