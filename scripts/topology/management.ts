// The broker's management API, as far as a topology is looked at and cut back by it (RabbitMQ guide "Management HTTP API").

export interface Found {
  /** Between our exchanges and queues, those of the default exchange left out. */
  bindings: FoundBinding[]
  queues: { name: string; messages: number }[]
  exchanges: string[]
  /** Open connections by their names, with what each says of its topology. */
  connections: { name: string; topology: string | undefined }[]
}

export interface FoundBinding {
  source: string
  destination: string
  destination_type: 'queue' | 'exchange'
  routing_key: string
  properties_key: string
}

export interface Management {
  look(): Promise<Found>
  removeBinding(binding: FoundBinding): Promise<void>
  /** @throws Error when it holds anything: quorum queues know no "if empty". */
  removeQueue(name: string): Promise<void>
  removeExchange(name: string): Promise<void>
}

/** Of the vhost in an AMQP URL; `managementUrl` where it is not at port 15672 of the same host. */
export function managementOf(amqpUrl: string, managementUrl?: string): Management {
  const { hostname, username, password, pathname } = new URL(amqpUrl)
  const base = managementUrl ?? `http://${hostname}:15672`
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  const vhost = encodeURIComponent(decodeURIComponent(pathname.slice(1)) || '/')

  async function ask<T>(method: string, path: string): Promise<T> {
    const answer = await fetch(`${base}/api/${path}`, { method, headers: { authorization: `Basic ${login}` } })
    if (!answer.ok) throw new Error(`${method} ${base}/api/${path}: ${answer.status} ${await answer.text()}`)
    // The cast is the decoding edge: each path has one form.
    return (answer.status === 204 ? undefined : await answer.json()) as T
  }

  const inVhost = (kind: string, ...names: string[]) => [kind, vhost, ...names.map(encodeURIComponent)].join('/')

  return {
    async look() {
      const [bindings, queues, exchanges, connections] = await Promise.all([
        ask<FoundBinding[]>('GET', inVhost('bindings')),
        ask<{ name: string; messages?: number }[]>('GET', inVhost('queues')),
        ask<{ name: string }[]>('GET', inVhost('exchanges')),
        ask<{ vhost: string; client_properties: { connection_name?: string; topology?: string } }[]>(
          'GET',
          'connections',
        ),
      ])
      return {
        bindings: bindings.filter(({ source }) => source !== ''),
        queues: queues.map(({ name, messages = 0 }) => ({ name, messages })),
        exchanges: exchanges.map(({ name }) => name),
        connections: connections
          .filter((connection) => encodeURIComponent(connection.vhost) === vhost)
          .map(({ client_properties: { connection_name: name = '', topology } }) => ({ name, topology })),
      }
    },
    removeBinding: ({ source, destination, destination_type, properties_key }) =>
      ask(
        'DELETE',
        inVhost('bindings', 'e', source, destination_type === 'queue' ? 'q' : 'e', destination, properties_key),
      ),
    async removeQueue(name) {
      const { messages = 0 } = await ask<{ messages?: number }>('GET', inVhost('queues', name))
      if (messages > 0) throw new Error(`${name} still has messages (${messages}), and was not removed`)
      await ask('DELETE', inVhost('queues', name))
    },
    removeExchange: (name) => ask('DELETE', `${inVhost('exchanges', name)}?if-unused=true`),
  }
}
