// The bare-broker ceiling: the same messages on the same topology, by amqplib alone.
import { topology } from '@orders/shared/contracts'
import { declareTopology } from '@orders/shared/messaging'
import { connect } from 'amqplib'
import { start, stop } from '../scripts/processes/child.ts'
import { serviceNames } from '../tests/support/system.ts'
import { placement } from './choreography.ts'
import { type LoopResult, runClosedLoop } from './closed-loop.ts'

interface Options {
  amqpUrl: string
  inFlight: number
  warmUpSeconds: number
  seconds: number
}

export async function measureCeiling({ amqpUrl, ...loop }: Options): Promise<LoopResult> {
  const connection = await connect(amqpUrl, { noDelay: true })
  await declareTopology(connection, topology)
  const publisher = await connection.createConfirmChannel()
  const workers = await Promise.all(
    serviceNames.map((name) =>
      start(process.execPath, ['--import', 'tsx', 'bench/ceiling-worker.ts', name], {
        env: { ...process.env, AMQP_URL: amqpUrl },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    ),
  )
  try {
    await Promise.all(workers.map((worker) => new Promise<void>((resolve) => worker.onMessage(() => resolve()))))
    const place = (orderId: string) =>
      new Promise<void>((resolve, reject) => {
        const { exchange, routingKey, body, properties } = placement
        const options = { ...properties, correlationId: orderId, persistent: true, mandatory: true }
        publisher.publish(exchange, routingKey, body, options, (error) => (error ? reject(error) : resolve()))
      })
    return await runClosedLoop({ amqpUrl, ...loop, place })
  } finally {
    await Promise.all(workers.map((worker) => stop(worker, 5_000)))
    await connection.close()
  }
}
