// A run of many orders is many worlds of a thousand orders each, on two threads: what a world keeps slows it down as it
// grows, and each is a run of its own, which can be seen again alone.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Check, hashOf, type Progress } from '@orders/shared/testing'
import type { Report } from './simulate.ts'
import type { Options } from './world.ts'

type Told = { progress: Progress } | { report: Report }

const ORDERS_PER_WORLD = 1_000
const THREADS = 2
const BOOTSTRAP = join(import.meta.dirname, '..', '..', 'scripts', 'bootstrap.mjs')
/** Much of what is made lives for a while: with little room for the young, most of it would be moved again and again. */
const YOUNG_MB = 64

/** The same options give the same worlds; as many as fit into one world are that world. */
export function worldsOf(options: Options): Options[] {
  const count = Math.ceil(options.orders / ORDERS_PER_WORLD)
  if (count === 1) return [options]
  const until = (index: number) => Math.floor((options.orders * index) / count)
  return Array.from({ length: count }, (_, index) => ({
    ...options,
    seed: hashOf(`${options.seed} ${index}`),
    orders: until(index + 1) - until(index),
  }))
}

/** Each world's report, in the order of the worlds. */
export async function runWorlds(worlds: Options[], progress: (all: Progress) => void): Promise<Report[]> {
  const reports: Report[] = []
  const far: Progress[] = worlds.map(() => ({ placed: 0, virtualMs: 0, crashes: 0 }))
  const waiting = [...worlds.entries()]

  async function work(): Promise<void> {
    const thread = new Worker(BOOTSTRAP, {
      argv: [join(import.meta.dirname, 'world-thread.ts')],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [index, options] = next
        reports[index] = await reportOf(thread, options, (one) => {
          far[index] = one
          progress(far.reduce(sumOf))
        })
      }
    } finally {
      await thread.terminate()
    }
  }

  await Promise.all(Array.from({ length: Math.min(THREADS, worlds.length) }, work))
  return reports
}

function reportOf(thread: Worker, options: Options, progress: (one: Progress) => void): Promise<Report> {
  return new Promise((resolve, reject) => {
    const hear = (told: Told) => {
      if ('progress' in told) return progress(told.progress)
      thread.off('message', hear)
      thread.off('error', reject)
      resolve(told.report)
    }
    thread.on('message', hear)
    thread.on('error', reject)
    thread.postMessage(options)
  })
}

/** All of them as one: sums, and a hash over their hashes. */
export function together(options: Options, reports: Report[]): Report {
  const [first, ...others] = reports
  if (!first || others.length === 0) return first ? { ...first, options } : fail()
  return {
    options,
    outcomes: reports.map(({ outcomes }) => outcomes).reduce(addedUp),
    checks: first.checks.map(({ name }) => checkOf(name, reports)),
    violations: reports.flatMap(({ violations }) => violations),
    counts: reports.map(({ counts }) => counts).reduce(addedUp),
    virtualMs: reports.reduce((sum, { virtualMs }) => sum + virtualMs, 0),
    hash: hashOf(reports.map(({ hash }) => hash).join(' '))
      .toString(16)
      .padStart(8, '0'),
  }
}

function fail(): never {
  throw new Error('there is no world')
}

function checkOf(name: string, reports: Report[]): Check {
  const all = reports.flatMap(({ checks }) => checks.filter((check) => check.name === name))
  return {
    name,
    looked: all.reduce((sum, { looked }) => sum + looked, 0),
    violations: all.flatMap(({ violations }) => violations),
  }
}

const sumOf = (one: Progress, other: Progress): Progress => addedUp(one, other)

function addedUp<T extends object>(one: T, other: T): T {
  const sums = new Map<string, number>()
  for (const [name, count] of [...Object.entries(one), ...Object.entries(other)])
    sums.set(name, (sums.get(name) ?? 0) + Number(count))
  return Object.fromEntries(sums) as T
}
