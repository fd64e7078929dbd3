// `npm run bench`: what the system can do, beside what could be done without it, on private servers; each figure with what was
// released of it.
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { aborted, interruption } from '../scripts/processes/interruption.ts'
import { startTestServers } from '../scripts/testing/servers.ts'
import { measureConsole } from './console.ts'
import { measureCost } from './cost.ts'
import { measureEncryption } from './encryption.ts'
import { measureFiles } from './files.ts'
import { measureForgotten } from './forgotten.ts'
import { measureGrown } from './grown.ts'
import { measureLatency } from './latency.ts'
import { measureMail } from './mail.ts'
import { chosenParts, type Part, readOptions } from './options.ts'
import { measureOutage } from './outage.ts'
import { measurePostgres } from './postgres.ts'
import { measurePriority } from './priority.ts'
import { release, releasedFigures } from './released.ts'
import { type Figure, jsonOf, tableOf } from './report.ts'
import { measureSettled } from './settled.ts'
import type { Stage } from './stage.ts'
import { measureTrail } from './trail.ts'

const parts: Part[] = [
  { name: 'settled', says: 'orders/s until all have ended, CPU per order, POST /orders', measure: measureSettled },
  { name: 'latency', says: 'one order at a time, from 202 to completed', measure: measureLatency },
  { name: 'trail', says: 'how long after the order its mails are sent, under a steady load', measure: measureTrail },
  { name: 'cost', says: 'statements, deliveries and bytes on disk per order', measure: measureCost },
  { name: 'mail', says: 'a backlog of mails, compared with bare nodemailer', measure: measureMail },
  { name: 'priority', says: 'an urgent mail among bulk mails', measure: measurePriority },
  { name: 'postgres', says: 'PostgreSQL, compared with SQLite', measure: measurePostgres, isLong: true },
  { name: 'files', says: 'settled, with mails as files', measure: measureFiles, isLong: true },
  {
    name: 'encryption',
    says: 'two systems at once, one of which encrypts nothing',
    measure: measureEncryption,
    isLong: true,
  },
  { name: 'forgotten', says: 'forgetting ten thousand customers', measure: measureForgotten, isLong: true },
  { name: 'outage', says: 'many charges that wait for their provider', measure: measureOutage, isLong: true },
  { name: 'grown', says: 'full tables, compared with empty ones', measure: measureGrown, isLong: true },
  {
    name: 'console',
    says: 'the console’s first page over full tables, compared with empty ones',
    measure: measureConsole,
    isLong: true,
  },
]
const options = readOptions(parts)
const say = (line = '') => process.stdout.write(`${line}\n`)
const run = {
  date: new Date().toISOString().slice(0, 10),
  command: options.command,
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`,
}

const interrupted = interruption()
const servers = await startTestServers(say, interrupted, { onDisk: true })
const stage: Stage = { settings: options.settings, servers, systems: new Set(), say }
const figures: Figure[] = []
try {
  say(`${run.date}, ${run.machine}`)
  for (const part of chosenParts(parts, options.only)) {
    say(`\n${part.name}: ${part.says}`)
    const measured = await Promise.race([part.measure(stage), aborted(interrupted)])
    if (!measured) throw new Error('interrupted')
    figures.push(...measured)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  process.exitCode = 1
} finally {
  await Promise.all([...stage.systems].map((system) => system.stop()))
  await servers.stop()
}
// What was measured before something went wrong is told all the same, but not released.
const released = await releasedFigures()
if (figures.length > 0) say(`\n${tableOf(figures, released)}`)
if (options.json) await writeFile(options.json, jsonOf(figures, released, run))
if (options.release && !process.exitCode) await release(figures, run)
process.exit()
