// Who is forgotten is said to be when their keys are gone from the files, once, whoever dies in between.
import { expect, it, onTestFinished } from 'vitest'
import { KeysForgetRequested } from '../../contracts/definition/keys.ts'
import { topology } from '../../contracts/index.ts'
import { type Database, migrate } from '../../storage/index.ts'
import { createMemoryBroker, eventually, type MemoryBroker } from '../../testing/index.ts'
import { ANN, inFiles, MIGRATIONS, openService, saidIn } from './personal-service.ts'

async function opened() {
  const files = await inFiles()
  onTestFinished(files.remove)
  await migrate(files.database, [MIGRATIONS])
  return files
}

const owe = (database: Database) => database.run('insert into erasures (owner_id, request) values (?, ?)', ANN, '1')
const owed = (database: Database) => database.all('select owner_id from erasures')
const forgottenBy = (memory: MemoryBroker) => saidIn(memory).map(({ service, forgotten }) => [service, forgotten])
const FORGOTTEN = [['order-service', [{ ownerId: ANN, request: '1' }]]]

it('nothing is said while a dropped key stands in the files', async () => {
  const memory = createMemoryBroker(topology)
  const files = await opened()
  let looks = 0
  let isRead = true
  const emptyWal = async () => {
    looks += 1
    return !isRead && files.database.emptyWal()
  }
  const order = await openService('order-service', { memory, database: { ...files.database, emptyWal } })
  await order.openKey(ANN)
  const at = new Date().toISOString()
  await order.say(KeysForgetRequested.of(ANN, at, { request: '1', keyIds: [] }, { detail: '1' }))
  await eventually('the files were looked at again and again', () => looks > 3)
  expect(forgottenBy(memory)).toEqual([])
  expect(await owed(files.database)).toHaveLength(1)
  isRead = false
  await eventually('it is said', () => forgottenBy(memory).length > 0)
  expect(forgottenBy(memory)).toEqual(FORGOTTEN)
  expect(await owed(files.database)).toEqual([])
})

it('what a process owed that died is said by the next, and by one copy of two', async () => {
  const memory = createMemoryBroker(topology)
  const files = await opened()
  await owe(files.database)
  const copies = [
    await openService('order-service', { memory, database: files.database }),
    await openService('order-service', { memory, database: await files.again() }),
  ]
  await eventually(
    'it is said',
    async () => forgottenBy(memory).length > 0 && (await owed(files.database)).length === 0,
  )
  await Promise.all(copies.map(({ close }) => close()))
  expect(forgottenBy(memory)).toEqual(FORGOTTEN)
})
