// A vhost of its own for each test file, made and removed through the management API of the tests' broker.
import { randomUUID } from 'node:crypto'
import { eventually } from '@orders/shared/testing'

export interface QueueInfo {
  name: string
  messages: number
  consumers: number
}

export interface Vhost {
  name: string
  /** Connects to this vhost. */
  amqpUrl: string
  /** A call of the management API, for example `api('GET', 'queues')`; the vhost is put in. */
  api(method: string, path: string, body?: object): Promise<unknown>
  queues(): Promise<QueueInfo[]>
  /** The number of messages in a queue as the broker counts them now. */
  count(queue: string): Promise<number>
  /** Cuts the connections whose name contains `name`, as an operator would; returns how many. */
  cutConnections(name: string): Promise<number>
  /** Removes the vhost. A connection that a test left open makes this fail. */
  remove(): Promise<void>
}

/** Uses the broker that `npm test` started, or the given one. */
export async function createVhost(
  amqpUrl = required('TEST_AMQP_URL'),
  managementUrl = required('TEST_MANAGEMENT_URL'),
): Promise<Vhost> {
  const name = `test-${randomUUID()}`

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${managementUrl}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!answer.ok)
      throw new Error(`management API: ${method} ${path} answered ${answer.status} ${await answer.text()}`)
    const text = await answer.text()
    return text === '' ? undefined : JSON.parse(text)
  }

  const connections = async () =>
    (await call('GET', `vhosts/${name}/connections`)) as { name: string; user_provided_name?: string }[]
  const queues = async () =>
    (await call('GET', `queues/${name}?disable_stats=true&enable_queue_totals=true`)) as QueueInfo[]

  await call('PUT', `vhosts/${name}`)
  await call('PUT', `permissions/${name}/guest`, { configure: '.*', write: '.*', read: '.*' })
  return {
    name,
    amqpUrl: `${amqpUrl}/${name}`,
    api: (method, path, body) => call(method, path.replace(/^([a-z-]+)/, `$1/${name}`), body),
    queues,
    async count(queue) {
      const found = (await queues()).find((info) => info.name === queue)
      if (!found) throw new Error(`no queue ${queue} in ${name}`)
      return found.messages ?? 0
    },
    async cutConnections(part) {
      const matching = (await connections()).filter(({ user_provided_name: given }) => given?.includes(part))
      for (const connection of matching) await call('DELETE', `connections/${encodeURIComponent(connection.name)}`)
      return matching.length
    },
    async remove() {
      // The management API learns of a closed connection a moment late.
      await eventually(`no connection is left in ${name}`, async () => (await connections()).length === 0).finally(() =>
        call('DELETE', `vhosts/${name}`),
      )
    },
  }
}

function required(variable: string): string {
  const value = process.env[variable]
  if (value === undefined) throw new Error(`${variable} is not set: run the tests by npm test, which starts a broker`)
  return value
}
