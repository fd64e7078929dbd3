// The load's own HTTP client: keep-alive connections and nothing else, so that it takes little of the machine.
import { Agent, request } from 'node:http'
import { copyNumbers, type Site } from './stage.ts'

type Form = (orderId: string, number: number) => object

/** One line, and a mail for each of four steps. A thousand customers, as no shop has only one. */
export const plainOrder: Form = (orderId, number) => ({
  orderId,
  user: `u${number % 997}`,
  items: [{ sku: 'item1', quantity: 1 }],
})

/** Three lines, and a mail and an SMS for each of four steps. */
export const largeOrder: Form = (orderId, number) => ({
  orderId,
  user: `u${number % 997}`,
  items: ['item1', 'item2', 'item3'],
  contact: { email: `u${number % 997}@example.com`, phone: '+4915112345678' },
})

/** Returns a function that places an order over HTTP, at one copy of order-service after the other, and resolves at its 202. */
export function placeOverHttp({ system, copies }: Site, form = plainOrder, connections = Number.POSITIVE_INFINITY) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const targets = copyNumbers(copies).map((copy) => new URL(system.url('order', copy)))
  return (orderId: string, number: number): Promise<void> => {
    const { hostname, port } = targets[number % targets.length] ?? {}
    return new Promise((resolve, reject) => {
      const body = JSON.stringify(form(orderId, number))
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const outgoing = request({ agent, hostname, port, path: '/orders', method: 'POST', headers }, (answer) => {
        answer.resume()
        answer.on('end', () =>
          answer.statusCode === 202 ? resolve() : reject(new Error(`POST /orders answered ${answer.statusCode}`)),
        )
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }
}
