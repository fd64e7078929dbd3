// Every service rehearses whatever it hears: nothing is written, nothing is said, and what it tells is what it then says.
import { join } from 'node:path'
import { type AnyContract, commands, events, orders, registry, topology } from '@orders/shared/contracts'
import { ask, encode, operationsOf, type Publication, type Rehearsal } from '@orders/shared/messaging'
import { openSqlite } from '@orders/shared/storage'
import { createMemoryBroker, eventually, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { definitions } from '../../scripts/services/definitions.ts'
import { startInMemory } from '../../scripts/services/in-memory.ts'
import { arbitraryDataOf } from './arbitrary.ts'

/** What looks by the clock stands still: nothing happens but what a message brings about. */
const STILL = {
  ...{ RELEASE_POLL_MS: '60000', RETRY_LOOK_MS: '60000', AUDIT_CHECKPOINT_MS: '3600000', AUDIT_CHECK_MS: '3600000' },
}
/** Where a copy says again and again that it lives; and where what was published is forgotten by and by, which is recorded here. */
const BY_THEMSELVES = ['outbox_copies', 'copies', 'outbox']
const SUBJECTS = ['order-1', 'order-2']

/** By queue, the contracts of what comes there. */
function heardBy(service: string): [queue: string, contract: AnyContract][] {
  const noun = service.replace(/-service$/, '')
  const heard = Object.entries(orders.heard).filter(([queue]) => queue.startsWith(`${noun}.`))
  const typesOf = ([queue, patterns]: (typeof heard)[number]) =>
    patterns.map((pattern) => [queue, events.get(pattern.replace(/\.#.*$/, ''))] as const)
  const own = [...commands.values()].filter(({ type }) => type.startsWith(`${noun}.`))
  const audited = noun === 'audit' ? [...events.values()].slice(0, 8) : []
  return [
    ...heard
      .flatMap(typesOf)
      .flatMap(([queue, contract]) => (contract ? [[queue, contract] as [string, AnyContract]] : [])),
    ...[...own, ...audited].map((contract): [string, AnyContract] => [`${noun}.queue`, contract]),
  ]
}

/** Keeps what a service publishes from everybody else. */
function recording(memory: MemoryBroker) {
  const published: Publication[] = []
  const broker: MemoryBroker = {
    ...memory,
    connect: (name) => ({
      ...memory.connect(name),
      publish: async (publication) => void published.push(publication),
    }),
  }
  return { broker, published }
}

it.each(definitions.map((definition) => [definition.name, definition] as const))(
  '%s',
  async (name, definition) => {
    const folder = await scratchFolder()
    const memory = createMemoryBroker(topology)
    const { broker, published } = recording(memory)
    const service = await startInMemory(definition, { broker, environment: { ...STILL, DATA_DIR: folder.path } })
    const database = openSqlite(join(folder.path, `${name}.db`))
    onTestFinished(async () => {
      await service.close()
      await database.close()
      await folder.remove()
    })
    const outside = memory.connect('outside')
    const { rehearse } = operationsOf(name)

    async function rows(): Promise<Record<string, number>> {
      const tables = await database.all<{ name: string }>("select name from sqlite_master where type = 'table'")
      const counts = await Promise.all(
        tables
          .filter((table) => !BY_THEMSELVES.includes(table.name))
          .map(async (table) => {
            const row = await database.get<{ count: number }>(`select count(*) as count from "${table.name}"`)
            return [table.name, row?.count ?? 0] as const
          }),
      )
      return Object.fromEntries(counts)
    }

    async function rehearsed(
      queue: string,
      { exchange, routingKey, body, properties }: Publication,
    ): Promise<Rehearsal> {
      const before = [await rows(), published.length]
      const asked = {
        queue,
        exchange,
        routingKey,
        body: body.toString('base64'),
        properties: JSON.stringify(properties),
      }
      const rehearsal = await ask(outside, rehearse, asked, 10_000)
      expect([await rows(), published.length]).toEqual(before)
      return rehearsal
    }

    /** In earnest; gives the ids of what it said, and the code that it failed with. */
    async function handled(queue: string, publication: Publication) {
      const from = published.length
      const { messageId } = publication.properties
      await outside.publish({ ...publication, exchange: '', routingKey: queue })
      await eventually('it is settled', () => memory.messages(queue).length + memory.unsettled(queue) === 0)
      const untried = "select 1 from retries where code = 'untried'"
      await eventually('its tasks are done', async () => (await database.get(untried)) === undefined)
      const kept = await database.all<{ code: string }>(
        "select code from retries where properties like ? and code <> 'untried'",
        `%"messageId":${JSON.stringify(messageId).replace(/[%_]/g, '_')}%`,
      )
      const news = published.slice(from).filter(({ properties: { headers } }) => headers['causation-id'] === messageId)
      const dead = published.slice(from).filter(({ exchange }) => exchange === 'dead-letter.exchange')
      const failed = [
        ...dead.map(({ properties }) => properties.headers['error-code']),
        ...kept.map(({ code }) => code),
      ]
      return { said: news.map(({ properties }) => properties.messageId), failed: failed[0] ?? null }
    }

    let outcomes = 0
    for (const [queue, contract] of heardBy(name)) {
      const samples = fc.sample(arbitraryDataOf(contract), { numRuns: 4, seed: 7 })
      for (const [index, data] of samples.entries()) {
        const subject = SUBJECTS[index % SUBJECTS.length] ?? ''
        // The cast says what the list of all contracts cannot: the data was made of this one's schema.
        const made = (contract as unknown as typeof import('@orders/shared/contracts').OrderCreated).of(
          subject,
          new Date().toISOString(),
          data as never,
          { detail: String(index) },
        )
        const publication = encode(registry, made, contract.exchange.replace('.exchange', '-service') || name, {})
        const { outcome, says, error } = await rehearsed(queue, publication)
        const { said, failed } = await handled(queue, publication)
        if (outcome === 'open') continue
        outcomes++
        const told = says.filter(({ isTask }) => !isTask).map(({ id }) => id)
        expect({ type: contract.type, said, failed }).toEqual({
          type: contract.type,
          said: told,
          failed: error?.code ?? null,
        })
      }
    }
    expect(outcomes).toBeGreaterThan(0)
  },
  120_000,
)
