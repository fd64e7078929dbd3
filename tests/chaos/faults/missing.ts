// A queue is deleted under load, as an operator might: its service must declare it again, with its bindings. What is published
// to it meanwhile goes to a queue beside it too, and is put into it when it is back; what lay in it is gone by our hand, so
// it is deleted while it is empty.
import { setTimeout as delay } from 'node:timers/promises'
import type { Channel, GetMessage } from 'amqplib'
import { type Vhost, withChannel } from '../../support/vhost.ts'
import { timerQueues } from '../schedule.ts'
import { topologyOf } from '../topology.ts'
import type { World } from '../world.ts'
import { type Inject, untilTrue } from './fault.ts'

const BESIDE = 'chaos.beside'
/** For what was published before there was a queue beside it to be handled. */
const SETTLED_MS = 2_000
const BACK_WITHIN_MS = 30_000

export const missing: Inject<'missing'> = async (world, { queue }) => {
  const { vhost } = world
  const before = (await topologyOf(vhost)).filter((part) => part.endsWith(queue))
  await putBeside(world, queue)
  try {
    await delay(SETTLED_MS)
    const emptyMs = await emptySince(world, queue)
    const deletedAt = performance.now()
    await vhost.api('DELETE', `queues/${queue}`)
    return async () => {
      const isThere = (now: string[]) => before.every((part) => now.includes(part))
      const isBack = await untilTrue(async () => isThere(await topologyOf(vhost)), BACK_WITHIN_MS)
      const backAfterMs = Math.round(performance.now() - deletedAt)
      const emptied = { queue, fromMs: emptyMs, toMs: Date.now() }
      // To a queue that is not there it would be lost.
      const moved = await moveBack(world, isBack ? queue : undefined)
      const what = isBack
        ? `deleted, back after ${backAfterMs} ms, ${moved} messages put into it again`
        : 'never came back'
      return { felt: isBack ? 1 : 0, what, emptied }
    }
  } catch (error) {
    await moveBack(world, undefined)
    throw error
  }
}

interface Binding {
  source: string
  routing_key: string
}

/** But for that of the default exchange, which nobody makes or removes. */
async function bindingsOf({ api }: Vhost, queue: string): Promise<Binding[]> {
  // The cast is the decoding edge of the management API.
  const bindings = (await api('GET', `queues/${queue}/bindings`)) as Binding[]
  return bindings.filter(({ source }) => source !== '')
}

/** Bound as it is. Of timers nothing is kept: those that are gone are made good by a look into the table. */
async function putBeside({ vhost }: World, queue: string): Promise<void> {
  const bindings = await bindingsOf(vhost, queue)
  await withChannel(vhost.amqpUrl, async (channel) => {
    await channel.assertQueue(BESIDE, { durable: true, arguments: { 'x-queue-type': 'classic' } })
    for (const { source, routing_key } of bindings) await channel.bindQueue(BESIDE, source, routing_key)
  })
}

/** When it was last seen empty, but for timers, whose queue hardly ever is. */
async function emptySince({ vhost }: World, queue: string): Promise<number> {
  let atMs = Date.now()
  if (timerQueues.some((name) => name === queue)) return atMs
  const isEmpty = await withChannel(vhost.amqpUrl, (channel) =>
    untilTrue(async () => {
      atMs = Date.now()
      return (await channel.checkQueue(queue)).messageCount === 0
    }),
  )
  if (!isEmpty) throw new Error(`${queue} was never empty`)
  return atMs
}

async function moveBack({ vhost }: World, queue: string | undefined): Promise<number> {
  let moved = 0
  const bindings = await bindingsOf(vhost, BESIDE)
  await withChannel(vhost.amqpUrl, async (channel) => {
    // From here on the queue hears for itself.
    for (const { source, routing_key } of bindings) await channel.unbindQueue(BESIDE, source, routing_key)
    const next = () => (queue === undefined ? undefined : channel.get(BESIDE))
    for (let message = await next(); message; message = await next()) {
      publishAgain(channel, queue ?? '', message)
      moved += 1
    }
    await channel.waitForConfirms()
    await channel.deleteQueue(BESIDE)
  })
  return moved
}

function publishAgain(channel: Channel, queue: string, { content, properties }: GetMessage): void {
  const { expiration: _, deliveryMode: __, ...kept } = properties
  channel.publish('', queue, content, { ...kept, headers: properties.headers ?? {}, persistent: true })
}
