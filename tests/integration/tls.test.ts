// amqps to a RabbitMQ that shows a certificate of its own authority and wants one of each client: let in with the right ones,
// refused without and told what to do, never without looking.
import { join } from 'node:path'
import { topology } from '@orders/shared/contracts'
import { type AmqpTls, type Broker, openRabbit, readAmqpTls } from '@orders/shared/messaging'
import { eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { freePorts } from '../../scripts/processes/ports.ts'
import { type Authority, createAuthority, type Signed } from '../support/certificates.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode
let authority: Authority
let stranger: Authority
let client: Signed
let vhost: Vhost
let url: string

beforeAll(async () => {
  folder = await scratchFolder()
  authority = await createAuthority(folder.path, 'ours')
  stranger = await createAuthority(folder.path, 'theirs')
  const server = await authority.sign('broker')
  client = await authority.sign('orders')
  const [port = 0] = await freePorts(1)
  node = await startRabbitNode({
    dir: join(folder.path, 'node'),
    name: 'tls@localhost',
    configuration: [
      `listeners.ssl.default = 127.0.0.1:${port}`,
      `ssl_options.cacertfile = ${authority.caFile}`,
      `ssl_options.certfile = ${server.certFile}`,
      `ssl_options.keyfile = ${server.keyFile}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
    ],
  })
  vhost = await createVhost(node.amqpUrl, node.managementUrl)
  url = `amqps://guest:guest@127.0.0.1:${port}/${vhost.name}`
}, 120_000)

afterAll(async () => {
  await node?.kill()
  await folder?.remove()
}, 60_000)

const ours = () => ({ amqpCaFile: authority.caFile, amqpCertFile: client.certFile, amqpKeyFile: client.keyFile })

async function open(tls: AmqpTls, address = url) {
  const { log, lines } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker: Broker = openRabbit({ url: address, tls, name: 'tls-test', topology, log, broken })
  onTestFinished(() => broker.close(1_000))
  const refusal = () => {
    const line = lines.find(({ msg }) => msg === 'broker not reachable, trying again')
    return typeof line?.why === 'string' && line.why
  }
  return { broker, lines, refusal }
}

it('lets in who trusts it and is trusted, again after its connection was cut, and carries messages', async () => {
  const { broker, lines } = await open(readAmqpTls(ours()))
  await broker.ready()
  const heard: string[] = []
  broker.subscribe('audit.queue', 1, ({ body, ack }) => {
    heard.push(body.toString())
    ack()
  })
  const publish = (text: string) =>
    broker.publish({ exchange: '', routingKey: 'audit.queue', body: Buffer.from(text), properties: { headers: {} } })
  await publish('before')
  await eventually('it is cut', async () => (await vhost.cutConnections('tls-test')) > 0)
  await publish('after')
  await eventually('both are heard', () => heard.includes('before') && heard.includes('after'))
  expect(lines.map(({ msg }) => msg)).toContain('connection lost, reconnecting')
}, 120_000)

it('without a client certificate the broker refuses, and the log says what to set', async () => {
  const { broker, refusal } = await open(readAmqpTls({ amqpCaFile: authority.caFile }))
  const why = await eventually('it is refused', refusal)
  expect(why).toContain('set AMQP_CERT_FILE and AMQP_KEY_FILE')
  // Of its two connections the other may have been refused first.
  await eventually('the status says it too', () =>
    broker.status().fault?.includes('set AMQP_CERT_FILE and AMQP_KEY_FILE'),
  )
})

it('with a certificate of another authority the broker refuses, and the log says which', async () => {
  const { certFile, keyFile } = await stranger.sign('intruder')
  const tls = readAmqpTls({ amqpCaFile: authority.caFile, amqpCertFile: certFile, amqpKeyFile: keyFile })
  expect(await eventually('it is refused', (await open(tls)).refusal)).toContain('does not accept the certificate')
})

it('a broker of another authority is not trusted, nor one at another address', async () => {
  const another = await open(readAmqpTls({ ...ours(), amqpCaFile: stranger.caFile }))
  expect(await eventually('it is refused', another.refusal)).toContain('set AMQP_CA_FILE')
  const unknown = await open({})
  expect(await eventually('it is refused', unknown.refusal)).toContain('set AMQP_CA_FILE')
  const elsewhere = await open(readAmqpTls(ours()), url.replace('127.0.0.1', '127.0.0.2'))
  expect(await eventually('it is refused', elsewhere.refusal)).not.toBe('')
})

it('a key that is not the certificate’s is told at start', async () => {
  const { keyFile } = await authority.sign('another')
  expect(() => readAmqpTls({ ...ours(), amqpKeyFile: keyFile })).toThrow(/AMQP_CERT_FILE and AMQP_KEY_FILE/)
})
