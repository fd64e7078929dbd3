// The AsyncAPI 3.1.0 document of everything on the exchanges, from the contracts.
import { type AnyContract, events } from '@orders/shared/contracts'

export function asyncApi(): object {
  const all = [...events.values()]
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Order processing by choreography',
      version: '0.1.0',
      description: 'The events of services that talk only through RabbitMQ: CloudEvents 1.0 in structured JSON.',
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
  return { name: type, title: type, summary, payload: sealable(schema) }
}

/** What is marked as personal may be sealed for whom it is about, and is longer then. */
const SEALED = {
  type: 'string',
  pattern: '^enc:1:[A-Za-z0-9_-]{16}:[A-Za-z0-9_-]+$',
  description: 'encrypted for the customer, by the key that it names',
}

function sealable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(sealable)
  if (typeof schema !== 'object' || schema === null) return schema
  if (!('x-personal' in schema))
    return Object.fromEntries(Object.entries(schema).map(([name, inner]) => [name, sealable(inner)]))
  const { 'x-personal': isPersonal, ...plain } = schema
  return { 'x-personal': isPersonal, anyOf: [plain, SEALED] }
}
