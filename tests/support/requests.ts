// Many HTTP requests at once, each on a connection of its own as strangers' are.
import { type OutgoingHttpHeaders, request } from 'node:http'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

export interface Asked {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
}

/** Without keep-alive, and without the care that `fetch` takes for its callers: what is given is sent. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export function placing(form: object): Asked {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(form) }
}
