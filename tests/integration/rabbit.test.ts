// RabbitMQ behind the port: the suite that every broker must pass.
import { type Broker, openRabbit } from '@orders/shared/messaging'
import { keepingLog } from '@orders/shared/testing'
import { afterAll, beforeAll } from 'vitest'
import { createVhost, type Vhost } from '../support/vhost.ts'
import { startWire, type Wire } from '../support/wire.ts'
import { brokerSuite, suiteTopology } from './broker-suite.ts'

let vhost: Vhost

beforeAll(async () => {
  vhost = await createVhost()
})

afterAll(() => vhost.remove())

brokerSuite('RabbitMQ', async () => {
  const { log } = await keepingLog()
  const wires = new Map<string, Wire>()
  const open = async (name: string): Promise<Broker> => {
    const wire = await startWire(vhost.amqpUrl)
    wires.set(name, wire)
    const broker = openRabbit({
      url: wire.amqpUrl,
      name,
      topology: suiteTopology,
      log,
      broken: (error) => {
        throw error
      },
    })
    await broker.ready()
    return broker
  }
  return {
    open,
    cut: async (name) => wires.get(name)?.cut(),
    count: (queue) => vhost.count(queue),
    async remove() {
      await Promise.all([...wires.values()].map((wire) => wire.close()))
      const purged = suiteTopology.queues.map(({ name }) => vhost.api('DELETE', `queues/${name}/contents`))
      await Promise.all(purged)
    },
  }
})
