// Whether AMQP can carry something, as amqplib sees it.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { toAmqp } from '../amqp.ts'
import type { Properties } from '../broker.ts'

/** amqplib's own encoder, which throws for what AMQP has no form for. */
const require = createRequire(import.meta.url)
const { BasicProperties, encodeProperties } = require(join(dirname(require.resolve('amqplib')), 'lib', 'defs.js'))
export const encoded = (properties: Properties): Buffer => encodeProperties(BasicProperties, 1, 0, toAmqp(properties))
export const FRAME_MAX = 131_072
