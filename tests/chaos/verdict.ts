// What a run says at its end: the faults with what came of them, and the oracle's verdict, as tables for people.
import { styleText } from 'node:util'
import type { Result } from './chaos.ts'
import type { Injected } from './injector.ts'
import type { Judged } from './oracle/judge.ts'

const VIOLATIONS_SHOWN = 8

type Verdict = Omit<Judged, 'name'>

/** A run passes when every check does and everything drained. */
export function isPassed({ judged, drained }: { judged: Verdict[]; drained: Result['drained'] }): boolean {
  return drained.inTime && judged.every(({ passed }) => passed)
}

export function faultLines({ injected }: Pick<Result, 'injected'>, startedMs: number): string[] {
  return table(
    injected.map((entry) => [at(entry.fromMs - startedMs), entry.target, entry.what, lasting(entry), outcomeOf(entry)]),
  )
}

export function verdictLines({ judged, drained }: { judged: Verdict[]; drained: Result['drained'] }): string[] {
  const lines = table([
    ['', 'checked', 'promise'],
    ...judged.map(({ passed, checked, promise, note }) => [
      passed ? styleText('green', 'passed') : styleText('red', 'FAILED'),
      String(checked),
      promise + styleText('dim', note === undefined ? '' : ` (${note})`),
    ]),
  ])
  const details = judged.filter(({ passed }) => !passed).flatMap(violationLines)
  const late = drained.inTime ? [] : [styleText('red', `Not drained: ${drained.left.join(', ')}`)]
  return [...lines, ...details, ...late]
}

function violationLines({ promise, violations }: Verdict): string[] {
  const more = violations.length - VIOLATIONS_SHOWN
  return [
    '',
    styleText('red', `FAILED: ${promise}`),
    ...violations.slice(0, VIOLATIONS_SHOWN).map((violation) => `  ${violation}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ]
}

export function at(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, '0')}`
}

function lasting({ fromMs, toMs = fromMs }: Injected): string {
  return `${((toMs - fromMs) / 1_000).toFixed(1)} s`
}

function outcomeOf({ effect, error }: Injected): string {
  if (error !== undefined) return styleText('yellow', `failed: ${error}`)
  if (!effect) return ''
  const text = effect.felt > 1 ? `${effect.felt} ${effect.what}` : effect.what
  return effect.felt > 0 ? text : styleText('yellow', `no effect: ${effect.what}`)
}

const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')
const widthOf = (text: string) => text.replace(COLOURS, '').length

/** Columns as wide as their widest cell, two blanks between them. */
function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ''))))
  const pad = (cell: string, column: number) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))
  return rows.map((row) => row.map(pad).join('  ').trimEnd())
}
