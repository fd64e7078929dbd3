// Formats a simulation's report for people.
import type { Report } from './simulate.ts'

const VIOLATIONS_SHOWN = 20

/** What happened, what was checked, and what is wrong. */
export function reportText({ counts, checks, violations, virtualMs, hash }: Omit<Report, 'evidence'>): string {
  const lines = [
    'what happened to the services',
    ...Object.entries(counts).map(([name, count]) => row(count, name)),
    '',
    'checked',
    ...checks.map(({ name, looked, violations: found }) => row(looked, name, found.length)),
    '',
    `${(virtualMs / 1_000).toFixed(0)} s of virtual time`,
    `hash of the run: ${hash}`,
    violations.length === 0 ? 'no violations' : `${violations.length} violations`,
    ...violations.slice(0, VIOLATIONS_SHOWN).map(({ check, subject, what }) => `  ${check}: ${subject} ${what}`),
  ]
  return `${lines.join('\n')}\n`
}

const row = (count: number, name: string, wrong = 0) =>
  `  ${String(count).padStart(9)}  ${name}${wrong > 0 ? `  ${wrong} WRONG` : ''}`
