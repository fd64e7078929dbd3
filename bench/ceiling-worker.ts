// One service's share of the bare-broker ceiling: amqplib alone, no database, no decoding, no decision. It publishes
// with confirms and acks what it heard, on two connections as the services have them.
import { connect } from 'amqplib'
import { reactionsOf } from './choreography.ts'

const service = process.argv[2] ?? ''
const url = process.env.AMQP_URL ?? ''
const consuming = await connect(url, { noDelay: true })
const publishing = await connect(url, { noDelay: true })
const publisher = await publishing.createConfirmChannel()

for (const { queue, byType } of reactionsOf(service)) {
  const channel = await consuming.createChannel()
  await channel.prefetch(256)
  await channel.consume(queue, (message) => {
    if (message === null) return
    const { correlationId, type } = message.properties
    for (const { exchange, routingKey, body, properties } of byType.get(type) ?? []) {
      const { expirationMs, ...rest } = properties
      publisher.publish(exchange, routingKey, body, {
        ...rest,
        ...(expirationMs !== undefined && { expiration: String(expirationMs) }),
        correlationId,
        persistent: true,
        mandatory: true,
      })
    }
    channel.ack(message)
  })
}
process.send?.('ready')
process.on('SIGTERM', () => process.exit(0))
