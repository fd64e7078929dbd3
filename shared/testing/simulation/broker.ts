// The broker of a simulated process: the in-memory broker behind a network that delays, reorders and doubles messages and loses
// timers.
import type { Broker, Publication } from '../../messaging/broker.ts'
import type { MemoryBroker } from '../memory-broker.ts'
import type { Faults, Place } from './faults.ts'
import type { Process } from './process.ts'
import type { Tally } from './tally.ts'
import type { Time } from './time.ts'
import type { Witness } from './witness.ts'

interface Network {
  memory: MemoryBroker
  /** What is on its way arrives even if its sender has died. */
  wire: Broker
  time: Time
  faults: Faults
  tally: Tally
  witness: Witness
}

export function connectThrough(network: Network, process: Process): Broker {
  const { memory, wire, time, faults, tally, witness } = network
  const connection = memory.connect(process.service)
  process.atDeath(() => void connection.close(0))
  let sent = 0
  let newestArrived = 0

  async function send(publication: Publication): Promise<void> {
    const number = ++sent
    await time.pause(faults.delayMs('publish'))
    if (number < newestArrived) tally.add('overtaken')
    newestArrived = Math.max(number, newestArrived)
    tally.add('published')
    tally.note(publication.properties.messageId ?? publication.routingKey, time.nowMs())
    if (publication.properties.expirationMs !== undefined && faults.isTimerStuck()) return tally.add('stuck timers')
    witness.published(publication)
    await wire.publish(publication)
  }

  async function afterWait(place: Place, go: () => void): Promise<void> {
    await process.wait(place)
    go()
  }

  return {
    ...connection,
    async publish(publication) {
      await process.wait('publish')
      if (faults.isDoubled()) {
        // As if the confirm were lost with the connection: the publisher sends it again.
        tally.add('duplicates')
        void send(publication)
      }
      await send(publication)
      await process.wait('confirm')
    },
    subscribe(queue, prefetch, onDelivery) {
      // The process died while it was starting.
      if (!process.isAlive()) return { cancel: async () => undefined, drop: () => undefined }
      return connection.subscribe(queue, prefetch, (delivery) => {
        if (faults.isLast('delivery')) process.kill()
        if (!process.isAlive()) return
        tally.add('deliveries')
        const after = (settle: () => void) => () => void afterWait('ack', settle)
        onDelivery({ ...delivery, ack: after(delivery.ack), refuse: after(delivery.refuse) })
      })
    },
    request: (queue, question, timeoutMs) =>
      process.pass('question', () => connection.request(queue, question, timeoutMs)),
    reply: (to, body) => void afterWait('answer', () => connection.reply(to, body)),
  }
}
