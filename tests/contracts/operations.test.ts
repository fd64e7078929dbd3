// Every service of the list answers operators over the broker, and says how its copies are, without writing a line for it.
import { orders, topology } from '@orders/shared/contracts'
import { ask, operationsOf } from '@orders/shared/messaging'
import { createMemoryBroker, eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { definitions } from '../../scripts/services/definitions.ts'
import { startInMemory } from '../../scripts/services/in-memory.ts'

it.each(definitions.map((definition) => [definition.name, definition] as const))('%s', async (name, definition) => {
  const broker = createMemoryBroker(topology)
  const copies = await Promise.all([1, 2].map(() => startInMemory(definition, { broker })))
  onTestFinished(async () => {
    for (const copy of copies) await copy.close()
  })
  const { state, retries } = operationsOf(name)
  const asker = broker.connect('operator')
  expect(await ask(asker, state, {}, 5_000)).toMatchObject({ service: name, faults: [], retries: [] })
  expect(await ask(asker, retries, {}, 5_000)).toEqual({ retries: [], next: null })
  // audit-service takes the reports itself.
  if (name === 'audit-service') return
  const reported = () => new Set(broker.messages('audit.copies.queue').map(({ body }) => JSON.parse(body).copy))
  await eventually('each copy has said how it is', () => reported().size === 2)
})

it('the services that are asked are those of the list', () => {
  expect(definitions.map(({ name }) => name)).toEqual(orders.services)
})
