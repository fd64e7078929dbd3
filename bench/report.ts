// What every part of the benchmark reports, as one table at the end and as JSON.
import { median } from './numbers.ts'

export interface Figure {
  /** Stable, since the released figure is found by it; names every setting that changes what it means. */
  name: string
  unit: string
  ours: number
  /** What was measured beside it in the same run. */
  beside?: { what: string; value: number }
  /** Ours to what is beside it: it says more than either, since both had the same machine at the same time. */
  ratio?: number
}

export interface Released {
  value: number
  unit: string
  ratio?: number
  /** When, how and where it was measured. */
  date: string
  command: string
  machine: string
}

export type ReleasedFigures = Record<string, Released>

const HEADINGS = ['figure', 'ours', 'unit', 'beside', 'ratio', 'released', 'since then']

/** A line for each figure, with what was released and what has changed since then. */
export function tableOf(figures: readonly Figure[], released: ReleasedFigures): string {
  const rows = figures.map((figure) => {
    const before = released[figure.name]
    return [
      figure.name,
      number(figure.ours),
      figure.unit,
      figure.beside ? `${number(figure.beside.value)} ${figure.beside.what}` : '',
      figure.ratio === undefined ? '' : number(figure.ratio),
      before ? [number(before.value), ...(before.ratio === undefined ? [] : [number(before.ratio)])].join(', ') : '',
      before ? changes(figure, before) : '',
    ]
  })
  return aligned([HEADINGS, ...rows])
}

/** Where there is a ratio it comes first, for what a busy or another machine does to a value says nothing about us. */
function changes({ ours, ratio }: Figure, before: Released): string {
  const value = change(ours, before.value)
  if (ratio === undefined || before.ratio === undefined) return value
  return `ratio ${change(ratio, before.ratio)}, value ${value}`
}

function change(now: number, before: number): string {
  const percent = Math.round((now / before - 1) * 100)
  return `${percent > 0 ? '+' : ''}${percent} %`
}

/** Columns side by side; numbers need no more than three places. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  )
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

export function number(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

/** For a program: each figure with what was released of it. */
export function jsonOf(figures: readonly Figure[], released: ReleasedFigures, run: object): string {
  const all = figures.map((figure) => ({ ...figure, released: released[figure.name] ?? null }))
  return `${JSON.stringify({ ...run, figures: all }, null, 2)}\n`
}

/** The medians of several rounds; the ratio is that of the rounds, in each of which both sides had the same machine. */
export function sideBySide(
  name: string,
  unit: string,
  what: string,
  rounds: readonly { ours: number; beside: number }[],
): Figure {
  return {
    name,
    unit,
    ours: median(rounds.map(({ ours }) => ours)),
    beside: { what, value: median(rounds.map(({ beside }) => beside)) },
    ratio: median(rounds.map(({ ours, beside }) => ours / beside)),
  }
}
