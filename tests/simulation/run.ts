// `npm run simulate`: thousands of orders through the real services under virtual time, with crashes, and what came of it.
import { randomInt } from 'node:crypto'
import type { Progress } from '@orders/shared/testing'
import { commandFor, optionsOf, SEED_MAX, USAGE } from './options.ts'
import type { Report } from './simulate.ts'
import { runWorlds, together, worldsOf } from './worlds.ts'

const VIOLATIONS_SHOWN = 20
const say = (line = '') => process.stdout.write(`${line}\n`)
const chosen = optionsOf(process.argv.slice(2), randomInt(SEED_MAX + 1))
if (typeof chosen === 'string') {
  process.stderr.write(`${chosen}\n\n${USAGE}\n`)
  process.exit(2)
}
const options = chosen

say(commandFor(options))
const worlds = worldsOf(options)
if (worlds.length > 1) say(`${worlds.length} worlds, each with its own seed`)
const startedMs = performance.now()
const reports = await runWorlds(worlds, process.stdout.isTTY ? showProgress : () => undefined)
show(together(options, reports), (performance.now() - startedMs) / 1_000)
for (const { violations, options: world } of reports)
  if (violations.length > 0) say(`\nto repeat this run: ${commandFor(world)}`)
process.exit(reports.every(({ violations }) => violations.length === 0) ? 0 : 1)

function showProgress({ placed, virtualMs, crashes }: Progress): void {
  process.stdout.write(
    `\r${placed} of ${options.orders} orders placed, ${seconds(virtualMs)} of virtual time, ${crashes} crashes`,
  )
}

function show({ outcomes, counts, checks, violations, virtualMs, hash }: Report, wallSeconds: number): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K')
  say('\nhow the orders ended')
  table(Object.entries(outcomes).sort(([, a], [, b]) => b - a))
  say('\nwhat happened to the services')
  table(Object.entries(counts))
  say('\nchecked')
  table(
    checks.map(({ name, looked, violations: found }) => [
      name,
      looked,
      found.length > 0 ? `${found.length} WRONG` : '',
    ]),
  )
  say(
    `\n${seconds(virtualMs)} of virtual time in ${wallSeconds.toFixed(1)} s, ${Math.round(options.orders / wallSeconds)} orders/s`,
  )
  say(`hash of the run: ${hash}`)
  say(violations.length === 0 ? 'no violations' : `\n${violations.length} violations`)
  for (const { check, subject, what } of violations.slice(0, VIOLATIONS_SHOWN)) say(`  ${check}: ${subject} ${what}`)
  if (violations.length > VIOLATIONS_SHOWN) say(`  … and ${violations.length - VIOLATIONS_SHOWN} more`)
}

function table(rows: [string, number, string?][]): void {
  for (const [name, count, note = ''] of rows) say(`  ${String(count).padStart(9)}  ${name}${note && `  ${note}`}`)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(0)} s`
}
