// Short chaos runs of fixed seeds, the broker's death included, with orders and with notifications alone: everything holds. And a
// run of services that were broken on purpose: the oracle notices.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { type ChaosOptions, type Result, runChaos } from './chaos.ts'
import { runNotifications } from './notifications/run.ts'
import { faultKindsOf, planFaults } from './schedule.ts'
import { isPassed } from './verdict.ts'

const RUN_MS = 400_000
const SEED_WITH_EVERY_KIND = 478
/** Within the first hundred calls two are never answered, and one is after the message was taken. */
const SEED_WITH_SILENCE = 2431

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode

beforeAll(async () => {
  folder = await scratchFolder()
  node = await startRabbitNode({ dir: folder.path })
}, 120_000)

afterAll(async () => {
  await node?.kill()
  await folder?.remove()
}, 60_000)

const servicesDir = process.env.TEST_SERVICES_DIR ?? ''

async function run(options: Partial<ChaosOptions>): Promise<Result> {
  const result = await runChaos({
    ...{ seed: 1, minutes: 0.06, faults: [], database: 'sqlite' as const, copies: 1, rate: 12 },
    ...{ node, servicesDir, signal: new AbortController().signal },
    ...{ say: () => undefined, progress: () => undefined },
    ...options,
  })
  if (!result) throw new Error('the run was interrupted')
  return result
}

const broken = ({ judged }: Result) => judged.filter(({ passed }) => !passed)

it(
  'everything holds after a third of a minute in which every kind of fault comes but those that take minutes',
  async () => {
    // The commands for dead letters and for the alarm take long to start, and so do everything at once and the last release; what was
    // refused is tried again for minutes.
    const long = ['replay', 'alarm', 'all', 'refuse', 'versions']
    const faults = faultKindsOf('sqlite').filter((kind) => !long.includes(kind))
    const plan = { seed: SEED_WITH_EVERY_KIND, minutes: 0.35, faults, copies: 1 }
    expect(new Set(planFaults(plan).map(({ kind }) => kind))).toEqual(new Set(faults))
    const result = await run(plan)
    expect(broken(result)).toEqual([])
    expect(result.drained).toMatchObject({ inTime: true })
    expect(isPassed(result)).toBe(true)
    expect(result.injected.filter(({ effect }) => (effect?.felt ?? 0) > 0).length).toBeGreaterThanOrEqual(4)
  },
  RUN_MS,
)

it(
  'the verdict fails, and says why, when a service swallows every fifth of its events and a charge is made twice',
  async () => {
    const keepIn = join(folder.path, 'kept')
    const result = await run({ preload: join(import.meta.dirname, 'test', 'broken-services.mjs'), keepIn })
    expect(isPassed(result)).toBe(false)
    // To look into.
    expect(await readdir(keepIn)).toContain('order.log')
    expect(await readdir(join(keepIn, 'data', 'order'))).toContain('order-service.db')
    expect(new Map(broken(result).map(({ name, violations }) => [name, violations]))).toEqual(
      new Map([
        ['charged', expect.arrayContaining([expect.stringMatching(/#2: charged, and no order$/)])],
        ['factsHaveEvents', expect.arrayContaining([expect.stringMatching(/inventory\.committed is missing$/)])],
      ]),
    )
  },
  RUN_MS,
)

it(
  'every notification arrives, and once, while providers refuse and hang and the service and the broker are killed',
  async () => {
    const { signal } = new AbortController()
    const progress = () => undefined
    const result = await runNotifications({
      seed: SEED_WITH_SILENCE,
      notifications: 200,
      node,
      servicesDir,
      signal,
      progress,
    })
    if (!result) throw new Error('the run was interrupted')
    expect(result.judged.filter(({ passed }) => !passed)).toEqual([])
    expect(result.drained).toMatchObject({ inTime: true })
    expect(result.drained.sentAgain).not.toEqual([])
    expect(result.summary).toEqual(
      expect.arrayContaining([expect.stringMatching(/ hang: /), expect.stringMatching(/ hang after taking: /)]),
    )
  },
  RUN_MS,
)
