// The AsyncAPI 3.1.0 document of everything on the exchanges, from the contracts.
import { type AnyContract, events } from '@orders/shared/contracts'

export function asyncApi(): object {
  const all = [...events.values()]
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Order processing by choreography',
      version: '0.1.0',
      description: 'The events of six services that talk only through RabbitMQ: CloudEvents 1.0 in structured JSON.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/cloudevents+json',
    servers: { rabbitmq: { host: 'localhost:5672', protocol: 'amqp', protocolVersion: '0.9.1' } },
    channels: Object.fromEntries(all.map((contract) => [contract.type, channelOf(contract)])),
    operations: Object.fromEntries(all.map((contract) => [`publish ${contract.type}`, operationOf(contract)])),
    components: { messages: Object.fromEntries(all.map((contract) => [contract.type, messageOf(contract)])) },
  }
}

function channelOf({ type, summary }: AnyContract) {
  const exchange = `${type.slice(0, type.indexOf('.'))}.exchange`
  return {
    address: type,
    description: summary,
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
    bindings: {
      amqp: {
        is: 'routingKey',
        exchange: { name: exchange, type: 'topic', durable: true, autoDelete: false },
        bindingVersion: '0.3.0',
      },
    },
  }
}

function operationOf({ type }: AnyContract) {
  return { action: 'send', channel: { $ref: `#/channels/${type}` } }
}

function messageOf({ type, summary, schema }: AnyContract) {
  return { name: type, title: type, summary, payload: schema }
}
