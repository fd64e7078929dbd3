// docs/rabbitmq.md shows each concept of the broker by a question to it: each is asked of a broker that carries the whole system.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'rabbitmq.md'), 'utf8')
const rows = [...page.matchAll(/^\| \*\*(.+?)\*\*.* \| `ask (.+?)` \| `(.+?)` \|$/gm)].map(
  ([, concept = '', question = '', answer = '']) => ({ concept, question, answer }),
)

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

it('every concept has its question', () => {
  expect(rows.length).toBe([...page.matchAll(/^\| \*\*/gm)].length)
  expect(rows.length).toBeGreaterThan(15)
})

it.each(rows)('$concept: $question', async ({ question, answer }) => {
  // What the management plugin counts, channels among it, is there some seconds later.
  await eventually(
    `the answer has ${answer}`,
    // In the place of the default virtual host, the test's own.
    async () => JSON.stringify(await vhost.api('GET', question.replace('/%2F', ''))).includes(answer),
    30_000,
  )
})
