// Checks of what queues and timers promise: none is gone, none that refuses holds up what goes elsewhere, and no timer
// decides before its time.
import { type Check, groupBy } from './check.ts'

export const topologyStands: Check = ({ topology: { before, after } }) => {
  const now = new Set(after)
  return {
    promise: 'every queue, binding and consumer of the start still exists',
    checked: before.length,
    violations: before.filter((part) => !now.has(part)).map((part) => `${part} is gone`),
  }
}

/** Those who were refused told the audit something else meanwhile. */
export const othersGoOn: Check = ({ refusals, events, topology }) => {
  const heard = refusals.map((refused) => {
    const sources = new Set(refused.routes.map((route) => route.slice(0, route.indexOf('.'))))
    const others = events.filter(
      ({ sequence, type, source = '' }) =>
        sequence > refused.after &&
        sequence <= refused.until &&
        sources.has(source.replace(/^\/|-service$/g, '')) &&
        !refused.hears.includes(type),
    )
    return { refused, others: others.length }
  })
  return {
    promise: 'a queue that refuses messages does not delay messages for other queues',
    // Of a run without a refusal, that nothing is held up in the end.
    checked: Math.max(refusals.length, topology.after.length > 0 ? 1 : 0),
    violations: heard
      .filter(({ others }) => others === 0)
      .map(({ refused: { queue, routes } }) => `${queue}: refused ${routes.join(', ')}, and nothing else was told`),
    note: `${refusals.length} refusals alone, ${heard.reduce((sum, { others }) => sum + others, 0)} events of the same services meanwhile`,
  }
}

/**
 * By the clock of the service that decides: what it says happened is not before what it had promised to wait for. What it says happened
 * before it began to wait tells of a clock that was wrong, by more than any timer is long.
 */
export const neverEarly: Check = ({ orders, payments, events, transitMs }) => {
  const timesOf = (type: string) => {
    const byOrder = groupBy(
      events.filter((event) => event.type === type),
      ({ subject }) => subject,
    )
    return new Map([...byOrder].map(([id, [first]]) => [id, first?.time ?? '']))
  }
  const asked = timesOf('payment.confirmation_required')
  const failed = timesOf('payment.failed')
  const prepared = timesOf('shipping.prepared')
  const delivered = timesOf('shipping.delivered')
  const until = new Map(payments.map(({ order_id, confirm_before }) => [order_id, confirm_before]))
  const expired = orders.filter(({ reason }) => reason === 'confirmation_timeout')
  const dueAt = (time = '') => new Date(Date.parse(time) + transitMs).toISOString()
  const isEarly = (began: string | undefined, at: string, due: string) => at >= (began ?? '') && at < due
  return {
    promise: 'no payment deadline passed and no parcel arrived before its time',
    checked: expired.length + delivered.size,
    violations: [
      ...expired
        .filter(({ order_id: id }) => isEarly(asked.get(id), failed.get(id) ?? '', until.get(id) ?? ''))
        .map(({ order_id }) => `${order_id}: failed ${failed.get(order_id)}, due ${until.get(order_id)}`),
      ...[...delivered]
        .filter(([id, at]) => prepared.has(id) && isEarly(prepared.get(id), at, dueAt(prepared.get(id))))
        .map(([id, at]) => `${id}: delivered ${at}, handed over ${prepared.get(id)}`),
    ],
    note: `${expired.length} deadlines, ${delivered.size} parcels`,
  }
}
