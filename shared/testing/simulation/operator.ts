// The operator of a simulation: takes every dead letter out and sends it again, as audit-service does.
import type { Broker, Delivery } from '../../messaging/broker.ts'
import { publishable } from '../../messaging/publishable.ts'
import type { World } from './world.ts'

export interface Letter {
  queue: string
  id: string
  type: string
  subject: string
  reason: string
  /** How often it was sent again. */
  replays: number
  /** How often it arrived. If that is more often than it was sent again, it has come back for good. */
  arrivals: number
}

const REPLAY_AFTER_MS = 20_000
const REPLAYS_MAX = 2

/** Empties every dead-letter queue as long as the simulation runs. The returned map shows the current letters. */
export function watchDeadLetters({ memory, time, tally, domain }: World): ReadonlyMap<string, Letter> {
  const letters = new Map<string, Letter>()
  const connection = memory.connect('operator')
  for (const { name } of domain.topology.queues.filter((queue) => queue.name.endsWith('.dlq')))
    connection.subscribe(name, 100, (delivery) => {
      const letter = known(letters, name, delivery)
      letter.arrivals += 1
      tally.add('dead letters')
      delivery.ack()
      if (letter.replays >= REPLAYS_MAX) return
      time.schedule(REPLAY_AFTER_MS, () => {
        letter.replays += 1
        void sendAgain(connection, name, delivery)
      })
    })
  return letters
}

function known(letters: Map<string, Letter>, queue: string, { properties, body }: Delivery): Letter {
  const { messageId: id = body.toString('utf8'), type = 'unknown', correlationId: subject = '' } = properties
  const reason = String(properties.headers['error-code'] ?? 'broker')
  const letter = letters.get(`${queue} ${id}`) ?? { queue, id, type, subject, reason, replays: 0, arrivals: 0 }
  letters.set(`${queue} ${id}`, letter)
  return letter
}

function sendAgain(connection: Broker, queue: string, { body, properties }: Delivery): Promise<void> {
  const { headers, ...kept } = publishable(properties)
  const routingKey = queue.replace(/\.dlq$/, '.queue')
  return connection.publish({
    exchange: '',
    routingKey,
    body,
    properties: { ...kept, headers: { ...headers, attempt: 1 } },
  })
}
