// One queue of the in-memory broker: order and priority, prefetch, redelivery, expiry and the delivery limit.
import type { Delivery, Properties } from '../messaging/broker.ts'
import type { Queue } from '../topology/queues.ts'
import { createReadyList } from './ready-list.ts'

/** Schedules work; a simulation passes its own. The returned function cancels the work. */
export type Schedule = (delayMs: number, work: () => void) => () => void

export interface Stored {
  body: Buffer
  properties: Properties
  exchange: string
  routingKey: string
}

interface Entry extends Stored {
  deliveries: number
  /** Cancels the expiry, which goes on during a delivery. */
  callOff?: () => void
  expired: boolean
}

/** One delivery of a message. A redelivery is another object, so an ack from before a cut settles nothing. */
interface Handout {
  entry: Entry
}

/** Several connections may have one name: copies of a service. */
export interface Connection {
  name: string
}

export interface Subscriber {
  connection: Connection
  prefetch: number
  cancelled: boolean
  unsettled: Set<Handout>
  onDelivery(delivery: Delivery): void
}

export interface MemoryQueue {
  enqueue(message: Stored): void
  /** Oldest first, without unsettled deliveries. */
  ready(): readonly Stored[]
  unsettled(): number
  subscribe(subscriber: Subscriber): void
  /** Takes back unsettled deliveries from the connections of that name and delivers them again. */
  giveBack(name: string): void
  /** Removes a subscriber and delivers to others what it holds. */
  unsubscribe(subscriber: Subscriber): void
  /** Removes a connection's subscribers and delivers to others what they hold. */
  drop(connection: Connection): void
}

/** Copies, so that a reader that changes its properties changes no other reader's. */
export function copyOf(properties: Properties): Properties {
  return { ...properties, headers: { ...properties.headers } }
}

export function createMemoryQueue(
  { arguments: settings }: Queue,
  schedule: Schedule,
  deadLetter: (message: Stored) => void,
): MemoryQueue {
  const limit = settings['x-delivery-limit']
  const ttlMs = settings['x-message-ttl']
  const ready = createReadyList<Entry>()
  let subscribers: Subscriber[] = []

  const priorityOf = ({ properties }: Entry) => ('x-max-priority' in settings ? (properties.priority ?? 0) : 0)

  /** A message that expires during its delivery is dead-lettered when it comes back. */
  function expire(entry: Entry): void {
    entry.expired = true
    if (ready.remove(entry)) deadLetter(entry)
  }

  function deliver(): void {
    for (let free = freeSubscriber(); free; free = freeSubscriber()) {
      const entry = ready.take()
      if (!entry) return
      handOut(entry, free)
    }
  }

  /** The subscriber with the fewest unsettled deliveries. */
  function freeSubscriber(): Subscriber | undefined {
    let free: Subscriber | undefined
    for (const subscriber of subscribers) {
      const { cancelled, unsettled, prefetch } = subscriber
      if (!cancelled && unsettled.size < prefetch && unsettled.size < (free?.unsettled.size ?? prefetch))
        free = subscriber
    }
    return free
  }

  function handOut(entry: Entry, to: Subscriber): void {
    entry.deliveries += 1
    const redelivered = entry.deliveries > 1
    const handout: Handout = { entry }
    to.unsettled.add(handout)
    const { body, exchange, routingKey } = entry
    const { expirationMs: _, ...properties } = copyOf(entry.properties)
    const ack = () => {
      if (!to.unsettled.delete(handout)) return
      entry.callOff?.()
      deliver()
    }
    const refuse = () => {
      if (!to.unsettled.has(handout)) return
      ack()
      deadLetter(entry)
    }
    schedule(0, () => {
      // The connection was cut before this arrived. The message is already on its way to another subscriber.
      if (to.unsettled.has(handout)) to.onDelivery({ body, properties, exchange, routingKey, redelivered, ack, refuse })
    })
  }

  function takeBack(subscriber: Subscriber): void {
    const entries = [...subscriber.unsettled].map(({ entry }) => entry)
    subscriber.unsettled.clear()
    const isWorn = ({ deliveries, expired }: Entry) => expired || (typeof limit === 'number' && deliveries > limit)
    ready.putBack(entries.filter((entry) => !isWorn(entry)))
    for (const entry of entries.filter(isWorn)) deadLetter(entry)
  }

  function leave(isLeaving: (subscriber: Subscriber) => boolean): void {
    const leaving = subscribers.filter(isLeaving)
    subscribers = subscribers.filter((subscriber) => !isLeaving(subscriber))
    for (const subscriber of leaving) takeBack(subscriber)
    deliver()
  }

  return {
    enqueue(message) {
      const entry: Entry = { ...message, deliveries: 0, expired: false }
      const delays = [message.properties.expirationMs, typeof ttlMs === 'number' ? ttlMs : undefined]
      const expiresIn = Math.min(...delays.filter((delay) => delay !== undefined))
      if (Number.isFinite(expiresIn)) entry.callOff = schedule(expiresIn, () => expire(entry))
      ready.add(entry, priorityOf(entry))
      deliver()
    },
    ready: ready.items,
    unsettled: () => subscribers.reduce((sum, { unsettled }) => sum + unsettled.size, 0),
    subscribe(subscriber) {
      subscribers.push(subscriber)
      deliver()
    },
    giveBack(name) {
      for (const subscriber of subscribers) if (subscriber.connection.name === name) takeBack(subscriber)
      deliver()
    },
    unsubscribe: (leaving) => leave((subscriber) => subscriber === leaving),
    drop: (connection) => leave((subscriber) => subscriber.connection === connection),
  }
}
