// Personal data on its way and at rest: sealed for whom it is about, opened for whoever has their key, and nobody's once they are
// forgotten. The same over every database.
import { describe, expect, it, onTestFinished } from 'vitest'
import type { GroupCommit } from '../../commit/group-commit.ts'
import { KeysAdded, KeysForgetRequested } from '../../contracts/definition/keys.ts'
import { OrderCreated, type Received, topology } from '../../contracts/index.ts'
import type { Vault } from '../../personal/vault.ts'
import { listRetries } from '../../retries/retries.ts'
import { deferred } from '../../runtime/deferred.ts'
import { createMemoryBroker, eventually } from '../../testing/index.ts'
import { type Handler, onMany } from '../handler.ts'
import { keyOpener } from '../keys.ts'
import {
  ANN,
  masterKey,
  NAME,
  NOW,
  names,
  openService,
  ordered,
  plain,
  type Stores,
  saidIn,
} from './personal-service.ts'

export function personalSuite(name: string, { open }: Stores): void {
  describe(name, () => {
    async function opened() {
      const stores = await open()
      onTestFinished(stores.remove)
      return stores
    }

    /** order-service says, inventory-service hears. */
    async function openBoth({ hearsKeys = true, isSealing = true, retryLookMs = 20 } = {}) {
      const memory = createMemoryBroker(topology)
      const heard: Received[] = []
      const handler: Handler = onMany(OrderCreated, {
        reads: () => [],
        decide(event) {
          heard.push(event)
          return []
        },
      })
      const order = await openService('order-service', { memory, ...(await opened()), isSealing })
      const inventory = await openService('inventory-service', {
        memory,
        ...(await opened()),
        ...(hearsKeys ? {} : { master: { masterKey: masterKey('another') } }),
        handlers: [handler],
        retryLookMs,
      })
      return { memory, order, inventory, heard }
    }

    const bodiesIn = ({ memory }: Pick<Awaited<ReturnType<typeof openBoth>>, 'memory'>) =>
      memory.messages('audit.queue').map(({ body }) => body)
    const count = (heard: Received[], wanted: number) => eventually('they are handled', () => heard.length >= wanted)

    it('what is said about somebody is sealed on the wire, and a handler is given what was said', async () => {
      const both = await openBoth()
      await both.order.openKey(ANN)
      await both.order.say(ordered('1'))
      await count(both.heard, 1)
      expect(both.heard[0]).toMatchObject({ data: { user: 'ann', name: NAME, customerId: ANN } })
      const [body = ''] = bodiesIn(both)
      expect(JSON.parse(body)).toMatchObject({
        id: '1/order.created',
        data: {
          customerId: ANN,
          user: expect.stringMatching(/^enc:1:/),
          name: expect.stringMatching(/^enc:1:/),
          lines: [{ sku: 'i', quantity: 1 }],
        },
      })
      expect(body).not.toContain('Ann')
    })

    it('a fact that is repeated is the same bytes', async () => {
      const both = await openBoth()
      await both.order.openKey(ANN)
      await both.order.say(ordered('1'))
      await both.order.say(ordered('1'))
      await count(both.heard, 2)
      const [one, other] = bodiesIn(both)
      expect(other).toBe(one)
    })

    it('whoever has a key keeps it, and whoever has none is told of as before', async () => {
      const both = await openBoth()
      await both.order.openKey(ANN)
      await both.order.openKey(ANN)
      await both.order.say(
        OrderCreated.of('2', NOW, { user: 'bob', priority: 'standard', lines: [{ sku: 'i', quantity: 1 }] }),
      )
      await count(both.heard, 1)
      expect(bodiesIn(both)[0]).toContain('"bob"')
      expect(await both.order.stored.all('select key_id from keys.personal_keys')).toHaveLength(1)
    })

    it('what a version says that seals nothing is read', async () => {
      const both = await openBoth({ isSealing: false })
      await both.order.openKey(ANN)
      await both.order.say(ordered('1'))
      await count(both.heard, 1)
      expect(both.heard[0]).toMatchObject({ data: { name: NAME } })
      expect(bodiesIn(both)[0]).toContain(NAME)
    })

    it('a message whose key has not come waits untried, and is handled as soon as it comes', async () => {
      const both = await openBoth({ retryLookMs: 3_600_000 })
      const elsewhere = createMemoryBroker(topology)
      const far = await openService('order-service', { memory: elsewhere, ...(await opened()) })
      await far.openKey(ANN)
      await far.say(ordered('1'))
      const sent = await eventually('both are said', () => {
        const [created] = elsewhere.messages('audit.queue')
        const [key] = elsewhere.messages('inventory.keys.queue')
        return created && key && { created, key }
      })
      const wire = both.memory.connect('wire')
      const publish = (routingKey: string, { body, properties }: typeof sent.key) =>
        wire.publish({ exchange: '', routingKey, body: Buffer.from(body), properties })
      await publish('inventory.queue', sent.created)
      const row = await eventually('it waits', async () => (await listRetries(both.inventory.stored, { limit: 1 }))[0])
      expect(row).toMatchObject({ code: 'key_missing', history: [], waitsFor: expect.stringMatching(/^key:/) })
      expect(both.heard).toEqual([])
      await publish('inventory.keys.queue', sent.key)
      await count(both.heard, 1)
      expect(both.heard[0]).toMatchObject({ data: { name: NAME } })
      expect(both.memory.messages('inventory.dlq')).toEqual([])
    })

    it('a message whose key does not come in its time becomes a dead letter', async () => {
      const both = await openBoth({ hearsKeys: false })
      await both.order.openKey(ANN)
      await both.order.say(ordered('1'))
      const { stored } = both.inventory
      await eventually('it waits', async () => (await listRetries(stored, { limit: 1 })).length === 1)
      await stored.run('update retries set ends_at = ?, due_at = ?', NOW, NOW)
      const [letter] = await eventually('it is given up', () => {
        const letters = both.memory.messages('inventory.dlq')
        return letters.length > 0 && letters
      })
      expect(letter?.properties.headers['error-code']).toBe('key_missing')
      await eventually('its row is gone', async () => (await listRetries(stored, { limit: 1 })).length === 0)
    })

    it('another master key is told of, and what it cannot open waits', async () => {
      const both = await openBoth({ hearsKeys: false })
      await both.order.openKey(ANN)
      await both.order.say(ordered('1'))
      await eventually('it waits', async () => (await listRetries(both.inventory.stored, { limit: 1 })).length === 1)
      expect(both.inventory.lines.map(({ msg }) => msg)).toContain(
        'a key was wrapped by a master key that this service does not have: give all services the same MASTER_KEY',
      )
      expect(both.inventory.vault.fault()).toContain('give all services the same MASTER_KEY')
      expect(both.order.vault.fault()).toBeUndefined()
    })

    it('what was sealed for one message is not taken for another', async () => {
      const both = await openBoth()
      await both.order.openKey(ANN)
      await both.order.say(ordered('1'))
      await count(both.heard, 1)
      const forged = JSON.parse(bodiesIn(both)[0] ?? '')
      const publication = plain(ordered('2'))
      const body = Buffer.from(JSON.stringify({ ...JSON.parse(publication.body.toString()), data: forged.data }))
      await both.memory.connect('wire').publish({ ...publication, body })
      const [letter] = await eventually('it is given up', () => {
        const letters = both.memory.messages('inventory.dlq')
        return letters.length > 0 && letters
      })
      expect(letter?.properties.headers['error-code']).toBe('not_sealed_here')
    })

    describe('once somebody is forgotten', () => {
      async function forgotten() {
        const both = await openBoth()
        await both.order.openKey(ANN)
        await both.order.say(ordered('1'))
        await count(both.heard, 1)
        await both.inventory.store(ANN, NAME)
        await eventually('the key is kept', async () => (await keysOf(both.inventory)).length === 1)
        const keyIds = (await keysOf(both.order)).map(({ keyId }) => keyId)
        const at = new Date().toISOString()
        await both.order.say(KeysForgetRequested.of(ANN, at, { request: '1', keyIds }, { detail: '1' }))
        const said = await eventually('both have said so', () => {
          const answers = saidIn(both.memory)
          return answers.length === 2 && answers.map(({ service }) => service)
        })
        return { ...both, said, keyIds }
      }
      const keysOf = ({ stored }: Awaited<ReturnType<typeof openService>>) =>
        stored.all<{ keyId: string; wrapped: string | null }>(
          'select key_id as "keyId", wrapped from keys.personal_keys order by key_id',
        )

      it('every service has dropped the key, and has said so', async () => {
        const { said, order, inventory, keyIds, memory } = await forgotten()
        expect(said.toSorted()).toEqual(['inventory-service', 'order-service'])
        expect(await keysOf(order)).toEqual([{ keyId: keyIds[0], wrapped: null }])
        expect(await keysOf(inventory)).toEqual([{ keyId: keyIds[0], wrapped: null }])
        // Nobody here has asked, so nobody keeps what is said.
        await eventually('both have heard it', () =>
          ['order.keys.queue', 'inventory.keys.queue'].every(
            (queue) => memory.messages(queue).length === 0 && memory.unsettled(queue) === 0,
          ),
        )
        for (const { stored } of [order, inventory]) expect(await listRetries(stored, { limit: 1 })).toEqual([])
      })

      it('a message about them is handled without what it said of them', async () => {
        const both = await forgotten()
        const [body = ''] = bodiesIn(both)
        await both.memory.connect('wire').publish({ ...plain(ordered('1')), body: Buffer.from(body) })
        await count(both.heard, 2)
        const { data, isForgotten } = both.heard[1] ?? {}
        expect(isForgotten).toBe(true)
        expect(data).toEqual({
          user: 'forgotten',
          customerId: ANN,
          priority: 'standard',
          lines: [{ sku: 'i', quantity: 1 }],
        })
      })

      it('what a table says of them is gone, and whoever still speaks of them says nothing of them', async () => {
        const both = await forgotten()
        expect((await names.load(both.inventory.database, [ANN])).get(ANN)).toBe('')
        await both.order.say(ordered('3'))
        await count(both.heard, 2)
        expect(both.heard[1]?.data).not.toHaveProperty('name')
        expect(bodiesIn(both)[1]).not.toContain(NAME)
      })

      it('a key that comes late stays out, and somebody who is back gets another', async () => {
        const both = await forgotten()
        const [late] = both.memory.messages('payment.keys.queue')
        const wire = both.memory.connect('wire')
        const { body, properties } = late ?? { body: '', properties: { headers: {} } }
        await wire.publish({ exchange: '', routingKey: 'inventory.keys.queue', body: Buffer.from(body), properties })
        await both.order.openKey(ANN)
        await both.order.say(ordered('4'))
        await count(both.heard, 2)
        expect(both.heard[1]).toMatchObject({ data: { name: NAME } })
        const live = (await keysOf(both.inventory)).filter(({ wrapped }) => wrapped !== null)
        expect(live.map(({ keyId }) => keyId)).not.toEqual(both.keyIds)
      })
    })

    it('a table holds what it says of somebody sealed, and gives it opened', async () => {
      const { order } = await openBoth()
      await order.openKey(ANN)
      await order.store(ANN, NAME)
      const [row] = await order.stored.all<{ name: string }>('select name from people')
      expect(row?.name).toMatch(/^enc:1:/)
      expect((await names.load(order.database, [ANN])).get(ANN)).toBe(NAME)
    })

    it('another master key wraps the keys anew, and nothing is sealed anew', async () => {
      const stores = await opened()
      const memory = createMemoryBroker(topology)
      const before = await openService('order-service', { memory, database: stores.database })
      await before.openKey(ANN)
      await before.store(ANN, NAME)
      const rows = await before.stored.all('select name from people')
      await before.close()
      const master = { masterKey: masterKey('two'), masterKeyPrevious: masterKey('one') }
      const rotating = await openService('order-service', { memory, database: await stores.again(), master })
      expect(await rotating.stored.all('select name from people')).toEqual(rows)
      await rotating.close()
      const after = await openService('order-service', {
        memory,
        database: await stores.again(),
        master: { masterKey: masterKey('two') },
      })
      expect((await names.load(after.database, [ANN])).get(ANN)).toBe(NAME)
    })

    it('a key that nobody asked to forget is told to whoever joins', async () => {
      const both = await openBoth()
      await both.order.openKey(ANN)
      const told = await eventually('it is told', () => both.memory.messages('shipping.keys.queue')[0])
      expect(JSON.parse(told.body)).toMatchObject({
        type: KeysAdded.type,
        data: { keys: [{ ownerId: ANN, keyId: expect.any(String) }] },
      })
    })

    it('people who come while keys are being made get theirs in one message, and each a key of their own', async () => {
      const { order, memory } = await openBoth()
      const begun = deferred<void>()
      let looks = 0
      const fetchFor: Vault['fetchFor'] = async (...asked) => {
        await order.vault.fetchFor(...asked)
        looks += 1
      }
      const submit: GroupCommit['submit'] = async (...work) => {
        await begun.promise
        return order.commit.submit(...work)
      }
      const openKey = keyOpener({ ...order.vault, fetchFor }, order.database, { submit }, () => new Date())
      const all = [openKey(ANN)]
      await eventually('the first key is being made', () => looks === 1)
      all.push(...['cus_bob', 'cus_eve', 'cus_bob'].map(openKey))
      await eventually('the others wait', () => looks === 4)
      begun.resolve()
      await Promise.all(all)
      const queue = () => memory.messages('shipping.keys.queue')
      await eventually('both messages are published', () => queue().length === 2)
      const told = queue().map(({ body }) => JSON.parse(body).data.keys as { ownerId: string; keyId: string }[])
      expect(told.map((keys) => keys.map(({ ownerId }) => ownerId).sort())).toEqual([[ANN], ['cus_bob', 'cus_eve']])
      expect(new Set(told.flat().map(({ keyId }) => keyId)).size).toBe(3)
    })
  })
}
