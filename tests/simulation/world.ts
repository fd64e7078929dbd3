// The world of the orders: all services, with a world outside that they reach.
import { orders as domain } from '@orders/shared/contracts'
import {
  type Tamper as CommonTamper,
  type World as CommonWorld,
  createWorld as createCommon,
  type SimulatedService,
} from '@orders/shared/testing'
import { createOutside, type Outside, reachOutside } from './outside.ts'
import { services } from './services.ts'
import { createWitness, type Witness } from './witness.ts'

export interface Options {
  seed: number
  orders: number
  /** Processes of each service, over its one database. */
  copies: number
  /** A piece made wrong on purpose, to see whether the checks find it. */
  tamper?: Tamper | undefined
}

/** Takes a right piece and gives back a wrong one. */
export interface Tamper extends CommonTamper {
  outside?(outside: Outside): Outside
}

export interface World extends CommonWorld<Witness> {
  outside: Outside
}

/** What an order of the usual mixture weighs, all its awaits together. */
const WEIGHT_OF_AN_ORDER = 2_700

/** Node's timers are under the world's time from now on, until the caller releases it. */
export function createWorld({ seed, orders: wishes, copies, tamper }: Options): World {
  let outside: Outside | undefined
  const reaching = services.map(
    ({ name, folder, wire }): SimulatedService => ({
      name,
      folder,
      wire: (wiring, process) => wire(wiring, reachOutside(outsideOf(), process, { ...world, isRecorded })),
    }),
  )
  const world = createCommon(
    { domain, services: reaching, seed, wishes, weight: WEIGHT_OF_AN_ORDER, copies, tamper },
    createWitness(),
  )

  function outsideOf(): Outside {
    const honest = outside ?? createOutside(world.time)
    outside ??= tamper?.outside?.(honest) ?? honest
    return outside
  }

  const isSent = world.store('notification-service').connection
  const isRecorded = (notificationId: string, channel: string) =>
    isSent
      .prepare(`select 1 from deliveries where notification_id = ? and channel = ? and status in ('sent', 'simulated')`)
      .get(notificationId, channel) !== undefined

  return { ...world, outside: outsideOf() }
}
