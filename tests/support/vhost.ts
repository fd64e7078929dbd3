// A vhost of its own for each test file, made and removed through the management API of the tests' broker.
import { randomUUID } from 'node:crypto'
import { topology } from '@orders/shared/contracts'
import { eventually } from '@orders/shared/testing'
import { type ConfirmChannel, connect } from 'amqplib'

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
  /**
   * The queues in which messages wait, and how many: exact, while the totals of `queues()` are up to five seconds old.
   * What a consumer has been handed and has not acked yet does not count.
   */
  waiting(): Promise<Record<string, number>>
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

  const send = (method: string, path: string, body?: object) =>
    fetch(`${managementUrl}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })

  /** While a queue has no leader, the API answers 500 to questions about it: they are asked again. */
  async function answered(path: string): Promise<Response> {
    const look = async () => {
      const answer = await send('GET', path)
      return answer.status !== 500 && answer
    }
    return eventually(`the management API answers GET ${path}`, look)
  }

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = method === 'GET' ? await answered(path) : await send(method, path, body)
    if (!answer.ok)
      throw new Error(`management API: ${method} ${path} answered ${answer.status} ${await answer.text()}`)
    const text = await answer.text()
    return text === '' ? undefined : JSON.parse(text)
  }

  const connections = async () =>
    (await call('GET', `vhosts/${name}/connections`)) as { name: string; user_provided_name?: string }[]
  const queues = async () =>
    (await call('GET', `queues/${name}?disable_stats=true&enable_queue_totals=true`)) as QueueInfo[]

  /** 1 when it was there to be closed, 0 when it had gone by itself meanwhile. */
  async function close(connection: string): Promise<number> {
    return call('DELETE', `connections/${encodeURIComponent(connection)}`).then(
      () => 1,
      (error: Error) => {
        // 500 where it goes in that very moment.
        if (/answered (404|500)/.test(error.message)) return 0
        throw error
      },
    )
  }

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
    async waiting() {
      // One that is not there ends the channel that asks for it.
      const there = new Set((await queues()).map((queue) => queue.name))
      return withChannel(`${amqpUrl}/${name}`, async (channel) => {
        const depths: Record<string, number> = {}
        for (const queue of topology.queues.filter((one) => there.has(one.name))) {
          const { messageCount } = await channel.checkQueue(queue.name)
          if (messageCount > 0) depths[queue.name] = messageCount
        }
        return depths
      })
    },
    async cutConnections(part) {
      const matching = (await connections()).filter(({ user_provided_name: given }) => given?.includes(part))
      let cut = 0
      for (const connection of matching) cut += await close(connection.name)
      return cut
    },
    async remove() {
      // The management API learns of a closed connection a moment late.
      await eventually(`no connection is left in ${name}`, async () => (await connections()).length === 0).finally(() =>
        call('DELETE', `vhosts/${name}`),
      )
    },
  }
}

/** Runs `work` on a channel of its own and closes it once the broker has confirmed what was published. */
export async function withChannel<T>(amqpUrl: string, work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(amqpUrl)
  try {
    const channel = await connection.createConfirmChannel()
    const result = await work(channel)
    await channel.waitForConfirms()
    return result
  } finally {
    await connection.close()
  }
}

function required(variable: string): string {
  const value = process.env[variable]
  if (value === undefined) throw new Error(`${variable} is not set: run the tests by npm test, which starts a broker`)
  return value
}
