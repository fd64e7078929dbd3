// Hundreds are forgotten at once: nothing that cleans the files stands in the way of those who write them, and names come sealed.
import { expect, it, onTestFinished } from 'vitest'
import { KeysForgetRequested } from '../../contracts/definition/keys.ts'
import { topology } from '../../contracts/index.ts'
import type { Database } from '../../storage/index.ts'
import { createMemoryBroker, eventually } from '../../testing/index.ts'
import type { Forgettable } from '../keys.ts'
import { inFiles, openService, saidIn } from './personal-service.ts'

const COUNT = 300
const owners = Array.from({ length: COUNT }, (_, index) => `cus_${index}`)

it('hundreds of people are forgotten within seconds, each by the names that only their own key opens', async () => {
  const memory = createMemoryBroker(topology)
  const [one, other] = [await inFiles(), await inFiles()]
  onTestFinished(async () => {
    await one.remove()
    await other.remove()
  })
  const groups: (readonly Forgettable[])[] = []
  const order = await openService('order-service', { memory, database: one.database })
  const inventory = await openService('inventory-service', {
    memory,
    database: other.database,
    forget: async (all) => void groups.push(all),
  })
  await Promise.all(owners.map(order.openKey))
  const keysOf = (stored: Database) =>
    stored.all<{ ownerId: string; keyId: string; wrapped: string | null }>(
      'select owner_id as "ownerId", key_id as "keyId", wrapped from keys.personal_keys',
    )
  await eventually('the keys are kept', async () => (await keysOf(inventory.stored)).length === COUNT)
  const at = new Date().toISOString()
  const requests = (await keysOf(order.stored)).map(async ({ ownerId, keyId }) => {
    const names = await order.crossing.seal(JSON.stringify([`name of ${ownerId}`]), ownerId)
    expect(names).toMatch(/^enc:1:/)
    const data = { request: '1', keyIds: [keyId], names, subjects: [`order of ${ownerId}`] }
    return KeysForgetRequested.of(ownerId, at, data, { detail: '1' })
  })
  await order.say(...(await Promise.all(requests)))
  await eventually('both services have said so of each', () => {
    const count = saidIn(memory).reduce((sum, { forgotten }) => sum + forgotten.length, 0)
    return count === 2 * COUNT
  })
  // Those whose keys are dropped in the time of one look at the files are said to be forgotten together.
  expect(saidIn(memory).length).toBeLessThan(COUNT / 5)
  expect((await keysOf(inventory.stored)).filter(({ wrapped }) => wrapped !== null)).toEqual([])
  const told = groups.flat().toSorted((a, b) => (a.ownerId < b.ownerId ? -1 : 1))
  expect(told).toEqual(
    owners.toSorted().map((ownerId) => ({ ownerId, names: [`name of ${ownerId}`], subjects: [`order of ${ownerId}`] })),
  )
})
