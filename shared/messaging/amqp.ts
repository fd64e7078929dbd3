// Converts message properties between the broker port and amqplib. Only this file knows both forms.
import type { MessageProperties, Options } from 'amqplib'
import type { Properties } from './broker.ts'

export function toAmqp(properties: Properties): Options.Publish {
  const { expirationMs, ...rest } = properties
  return expirationMs === undefined ? rest : { ...rest, expiration: String(expirationMs) }
}

export function fromAmqp(given: MessageProperties): Properties {
  const properties: Properties = { headers: given.headers ?? {} }
  if (typeof given.messageId === 'string') properties.messageId = given.messageId
  if (typeof given.type === 'string') properties.type = given.type
  if (typeof given.appId === 'string') properties.appId = given.appId
  if (typeof given.timestamp === 'number') properties.timestamp = given.timestamp
  if (typeof given.correlationId === 'string') properties.correlationId = given.correlationId
  if (typeof given.replyTo === 'string') properties.replyTo = given.replyTo
  if (typeof given.contentType === 'string') properties.contentType = given.contentType
  if (typeof given.priority === 'number') properties.priority = given.priority
  return properties
}
