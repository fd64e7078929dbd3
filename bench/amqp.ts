// A benchmark's own connection to the broker.
import { type ChannelModel, connect } from 'amqplib'

/** Whoever waits for something on a connection that breaks learns it from that; the benchmark itself goes on to clean up. */
export async function connectTo(amqpUrl: string): Promise<ChannelModel> {
  const connection = await connect(amqpUrl, { noDelay: true })
  connection.on('error', () => undefined)
  return connection
}
