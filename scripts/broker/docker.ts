// RabbitMQ in a Docker container, for machines that have Docker and no RabbitMQ.
import { capture } from '../processes/child.ts'
import { until } from '../processes/ports.ts'
import { probeAmqp } from './probe.ts'

const container = 'order-choreography-rabbitmq'
const image = 'rabbitmq:4.1-management'

/** True if Docker is installed, runs, and lets this user in. */
export async function dockerWorks(): Promise<boolean> {
  return await capture('docker', ['info']).then(
    () => true,
    () => false,
  )
}

/** Starts the container on 5672 and 15672 of this machine only; its messages stay in a volume of the same name. */
export async function startContainer(signal?: AbortSignal): Promise<{ rabbitmqctl: string; stop(): Promise<void> }> {
  const run = ['run', '--rm', '--detach', '--name', container]
  // The data belongs to the node's name, which Docker would otherwise choose anew each time.
  const data = ['--hostname', container, '--volume', `${container}:/var/lib/rabbitmq`]
  const ports = ['--publish', '127.0.0.1:5672:5672', '--publish', '127.0.0.1:15672:15672']
  await capture('docker', [...run, ...data, ...ports, image], { signal })
  const stop = async () => {
    await capture('docker', ['stop', '-t', '6', container])
  }
  try {
    const limit = AbortSignal.timeout(120_000)
    await until(async () => (await probeAmqp(5672)) === 'ready', 250, signal ? AbortSignal.any([signal, limit]) : limit)
  } catch (error) {
    const log = await capture('docker', ['logs', '--tail', '15', container]).catch(() => '')
    await stop()
    signal?.throwIfAborted()
    throw new Error(`RabbitMQ in Docker (${image}) did not answer within two minutes.\n${log}`, { cause: error })
  }
  return { rabbitmqctl: `docker exec ${container} rabbitmqctl`, stop }
}
