// What `npm run verify` says of a log that holds, of one that has shrunk, and of one with two histories.
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { AuditConfig } from '../../../audit-service/config.ts'
import { auditService } from '../../../audit-service/service.ts'
import { SIGNING_KEY } from '../../../audit-service/test/keeping.ts'
import { verifyLog } from '../log.ts'

/** A log of so many events, each of which `by` has said. */
async function logOf(count: number, by: string): Promise<RunningService> {
  const scratch = await scratchFolder()
  const broker = createMemoryBroker(topology)
  const config = readConfig(AuditConfig, { DATA_DIR: scratch.path, AUDIT_SIGNING_KEY: SIGNING_KEY })
  const { log } = await keepingLog('audit-service')
  const service = await startService(
    auditService,
    { ...config, portBase: 0 },
    {
      log,
      openBroker: (name) => broker.connect(name),
      broken: (error) => {
        throw error
      },
    },
  )
  onTestFinished(async () => {
    expect(await service.close()).toEqual({ clean: true })
    await scratch.remove()
  })
  for (let number = 1; number <= count; number++) {
    const data = { user: by, priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] }
    const created = OrderCreated.of(`order-${number}`, '2026-11-21T08:30:00.000Z', data)
    await broker.connect('test').publish(encode(registry, created, 'order-service', {}))
  }
  await eventually('all are signed', async () => (await checkpointOf(service)).split('\n')[1] === String(count))
  return service
}

const checkpointOf = async ({ url }: RunningService) => (await fetch(`${url}/checkpoint`)).text()

async function verified({ url }: RunningService, kept: string | undefined, bodies = true) {
  const said: string[] = []
  const answer = await verifyLog({
    url,
    kept,
    bodies,
    key: undefined,
    token: undefined,
    say: (line) => said.push(line),
  })
  return { ...answer, said: said.join('\n') }
}

it('a log that holds, by its bodies and by what was kept', async () => {
  const log = await logOf(20, 'gayal')
  const kept = await checkpointOf(log)
  expect(await verified(log, kept)).toEqual({
    wrong: undefined,
    size: 20,
    said: [
      'Using the key that the log itself publishes. To trust only a key that you kept, pass --key.',
      'localhost/audit has signed 20 entries.',
      'The log begins with the 20 entries of the checkpoint that you kept.',
      'All 20 bodies match the signed checkpoint.',
    ].join('\n'),
  })
  expect(await verified(log, 'nothing')).toMatchObject({
    wrong: 'none of the checkpoints that you kept is signed with this key',
  })
})

it('a log that has shrunk, and one with another history', async () => {
  const [log, shorter, other] = await Promise.all([logOf(20, 'gayal'), logOf(10, 'gayal'), logOf(30, 'a liar')])
  const kept = await checkpointOf(log)
  expect(await verified(shorter, kept)).toMatchObject({
    wrong: 'the log has shrunk: 20 entries were signed, but it has only 10',
  })
  expect(await verified(other, kept, false)).toMatchObject({
    wrong: 'the log has another history: it does not begin with the 20 entries that were signed before',
  })
})
