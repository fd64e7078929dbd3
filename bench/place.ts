// The load's own HTTP client: keep-alive connections and nothing else, so that it takes little of the machine.
import { Agent, request } from 'node:http'

/** Returns a function that places an order of two lines over HTTP and resolves with the status. */
export function placeOverHttp(baseUrl: string, connections: number): (orderId: string) => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const { hostname, port } = new URL(baseUrl)
  return (orderId) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ orderId, user: 'bench', items: ['item1', 'item2'] })
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
