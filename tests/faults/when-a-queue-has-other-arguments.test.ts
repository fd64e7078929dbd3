// Somebody declared a queue otherwise, an earlier version perhaps: each service says which, what differs and what to do,
// and stops instead of running half connected.
import { join } from 'node:path'
import { topology } from '@orders/shared/contracts'
import { scratchFolder } from '@orders/shared/testing'
import type { ConfirmChannel } from 'amqplib'
import { it } from 'vitest'
import { start, stop } from '../../scripts/processes/child.ts'
import { freePorts } from '../../scripts/processes/ports.ts'
import { builtServices, linesOf } from '../support/system.ts'
import { createVhost, withChannel } from '../support/vhost.ts'

/** As the topology has it, but for some arguments. */
function declared(name: string, others: Record<string, unknown>): (channel: ConfirmChannel) => Promise<unknown> {
  const ours = topology.queues.find((queue) => queue.name === name)?.arguments
  return (channel) => channel.assertQueue(name, { durable: true, arguments: { ...ours, ...others } })
}

type Case = [
  what: string,
  declare: (channel: ConfirmChannel) => Promise<unknown>,
  complaint: RegExp,
  environment?: Record<string, string>,
]

const cases: Case[] = [
  [
    'a consumer queue with fewer priorities',
    declared('notification.email.queue', { 'x-max-priority': 5 }),
    /^the queue notification\.email\.queue in vhost test-\S+ exists with x-max-priority = .*5.*, this version needs .*10/,
  ],
  [
    'an exchange of another type',
    (channel) => channel.assertExchange('payment.exchange', 'direct', { durable: true }),
    /^the exchange payment\.exchange in vhost test-\S+ exists with type = .*direct.*, this version needs .*topic/,
  ],
  [
    'a service that takes for a cluster what the others do not',
    declared('payment.rpc.queue', {}),
    /^the queue payment\.rpc\.queue in vhost test-\S+ exists with x-queue-type = .*classic.*, this version needs .*quorum.* Or is BROKER_CLUSTER not the same for all services\?$/,
    { BROKER_CLUSTER: 'true' },
  ],
]

it.concurrent.for(cases)(
  '%s: the service ends with one clear line',
  async ([, declare, complaint, environment = {}], { expect, onTestFinished }) => {
    const vhost = await createVhost()
    const folder = await scratchFolder()
    const [port] = await freePorts(1)
    await withChannel(vhost.amqpUrl, declare)
    const settings = { DATABASE_URL: '', PORT: String(port), AMQP_URL: vhost.amqpUrl, DATA_DIR: folder.path }
    // Any service would do: each declares the whole topology.
    const service = await start(process.execPath, [join(builtServices(), 'audit-service', 'main.js')], {
      env: { ...process.env, ...settings, LOG_LEVEL: 'warn', ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(async () => {
      await stop(service, 0)
      await folder.remove()
      await vhost.remove()
    })
    let output = ''
    service.stdout?.on('data', (chunk) => {
      output += chunk
    })

    expect(await service.exited).toEqual({ code: 1, signal: null })
    const lines = linesOf(output)
    expect(lines).toMatchObject([{ service: 'audit-service', code: 'topology_mismatch', level: 60 }])
    expect(lines[0]?.msg).toMatch(complaint)
    expect(lines[0]?.msg).toContain('Let its messages be consumed, delete it in the management UI, and start again')
  },
)
