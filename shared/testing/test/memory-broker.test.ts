// The in-memory broker passes the suite that RabbitMQ passes: what unit tests prove with it holds with the real one.
import { brokerSuite, suiteTopology } from '../../../tests/integration/broker-suite.ts'
import { createMemoryBroker } from '../index.ts'

brokerSuite('the in-memory broker', async () => {
  const memory = createMemoryBroker(suiteTopology)
  return {
    open: async (name) => memory.connect(name),
    cut: async (name) => memory.cut(name),
    count: async (queue) => memory.messages(queue).length + memory.unsettled(queue),
    remove: async () => undefined,
  }
})
