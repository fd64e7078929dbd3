// A service that is broken on purpose: every fifth `inventory.committed` is taken for confirmed and never sent. Nobody but
// the audit hears of it, so that every order ends all the same; only the oracle can notice.
import { createRequire } from 'node:module'
import '../preload.mjs'

// Not among the package's exports, and the one place that every publication passes.
const amqplib = createRequire(import.meta.url).resolve('amqplib')
const { ConfirmChannel } = createRequire(amqplib)('./lib/channel_model.js')

const send = ConfirmChannel.prototype.publish
let count = 0

ConfirmChannel.prototype.publish = function publish(/** @type {unknown[]} */ ...publication) {
  const routingKey = publication[1]
  const confirm = publication[4]
  if (routingKey !== 'inventory.committed' || ++count % 5 !== 0) return send.apply(this, publication)
  if (typeof confirm === 'function') setImmediate(() => confirm(null))
  return true
}
