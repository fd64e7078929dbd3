// All services of a system share the master key that wraps customers' keys: one that was given another says so, and is not ready.
import { randomBytes } from 'node:crypto'
import { topology } from '@orders/shared/contracts'
import { createMemoryBroker, eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { definitions } from '../../scripts/services/definitions.ts'
import { startInMemory } from '../../scripts/services/in-memory.ts'

it('a service with another master key than its neighbours’ is not ready, and names the setting', async () => {
  const broker = createMemoryBroker(topology)
  const start = async (name: string) => {
    const definition = definitions.find((one) => one.name === name)
    if (!definition) throw new Error(`there is no ${name}`)
    const environment = { MASTER_KEY: randomBytes(32).toString('base64') }
    const service = await startInMemory(definition, { broker, environment })
    onTestFinished(() => service.close())
    return service
  }
  const order = await start('order-service')
  const shipping = await start('shipping-service')
  const ready = async ({ url }: typeof order) => {
    const answer = await fetch(`${url}/health/ready`)
    return { status: answer.status, text: await answer.text() }
  }
  expect((await ready(shipping)).status).toBe(200)

  const form = { orderId: '123', user: 'gayal', items: ['item1'], shippingAddress: 'Main Street 1' }
  const headers = { 'content-type': 'application/json' }
  const placed = await fetch(`${order.url}/orders`, { method: 'POST', headers, body: JSON.stringify(form) })
  expect(placed.status).toBe(202)

  const { text } = await eventually('it is not ready', async () => {
    const now = await ready(shipping)
    return now.status === 503 && now
  })
  expect(text).toContain('give all services the same MASTER_KEY')
  expect((await ready(order)).status).toBe(200)
})
