// One run of the orders: what their customers and operators want, and what must be true afterwards.
import {
  type Check,
  type Report as CommonReport,
  hashOfTable,
  live,
  type Progress,
  type Scenario,
} from '@orders/shared/testing'
import { verifyAll } from '../../audit-service/checking/store.ts'
import { rebuildOrders } from '../../order-service/store.ts'
import { checks, refusedIn } from './checks.ts'
import { behave, reprice, restock } from './customers.ts'
import { type Evidence, gather } from './evidence.ts'
import { type Plan, planOf } from './orders.ts'
import { auditSigner } from './services.ts'
import { createWorld, type Options, type World } from './world.ts'

export interface Report extends Omit<CommonReport, 'evidence'> {
  options: Options
  /** How many orders ended in each way: completed, or the reason of the cancellation. */
  outcomes: Record<string, number>
  checks: Check[]
}

const RESTOCKS_PER_ORDER = 0.02
const REPRICES_PER_ORDER = 0.3
/** Longer than any timer of the system: a deadline that did not come back is seen after 75 s, rows left behind after 70 s. */
const REST_MS = 90_000
/** Longer than the timers that an old message may set. */
const REPLAY_REST_MS = 70_000

/** Node's timers in this thread are the simulation's until it resolves. */
export async function simulate(options: Options, progress?: (progress: Progress) => void): Promise<Report> {
  const world = createWorld(options)
  try {
    const { evidence, ...report } = await live(world, ordersScenario(), progress)
    return { options, outcomes: outcomesIn(evidence), ...report }
  } finally {
    world.time.release()
  }
}

function ordersScenario(): Scenario<Evidence, World> {
  const plans: Plan[] = []
  return {
    begin: (world) => [restock(world)],
    act(world, number, random) {
      const plan = planOf(number, random)
      plans.push(plan)
      const wanted = [behave(world, plan)]
      if (random.chance(RESTOCKS_PER_ORDER)) wanted.push(restock(world))
      if (random.chance(REPRICES_PER_ORDER)) wanted.push(reprice(world))
      return wanted
    },
    gather: (world, kept) => gather(world, plans, kept),
    checks,
    seen: ({ witness }) => [witness.saidOnce(), witness.toldOnce()],
    afterwards: {
      'the tree of the audit log holds': treeHolds,
      'the orders rebuilt from their facts are the same': rebuildIsSame,
    },
    restMs: REST_MS,
    replayRestMs: REPLAY_REST_MS,
    // Mail that was refused is tried again, by design.
    mayChange: ({ properties }, evidence) => refusedIn(evidence).has(properties.correlationId ?? ''),
    // The root of the audit's tree, which its checkpoint says, stands for all the blocks; its lease is a process's own, and so is the name of a
    // claim that a killed process has left.
    unlike: {
      without: ['tree_lease'],
      only: { blocks: 'order by first desc limit 1', deliveries: 'where claimed_by is null' },
    },
  }
}

function outcomesIn({ orders }: Evidence): Record<string, number> {
  const outcomes: Record<string, number> = {}
  for (const { status, reason } of orders.values()) {
    const end = reason ?? status
    outcomes[end] = (outcomes[end] ?? 0) + 1
  }
  return outcomes
}

async function treeHolds(world: World): Promise<number> {
  const verdict = await world.ask('audit-service', ({ database }) => verifyAll(database, { verifier: auditSigner }))
  if (!verdict.ok) throw new Error(`entry ${verdict.brokenAt} is ${verdict.why}`)
  return verdict.events
}

/** The read model derived again from the facts is the same, to the row. */
async function rebuildIsSame(world: World): Promise<number> {
  const before = hashOfTable(world, 'order-service', 'orders')
  const looked = await world.ask('order-service', ({ database }) => rebuildOrders(database, () => undefined))
  if (hashOfTable(world, 'order-service', 'orders') !== before) throw new Error('the table of orders has changed')
  return looked
}
