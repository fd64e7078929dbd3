// What a person reads when the broker has a queue otherwise.
import { describe, expect, it } from 'vitest'
import { BrokenError, TransientError } from '../../runtime/errors.ts'
import { told } from '../declare.ts'

const refusal = (text: string) =>
  new Error(`Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "${text}"`)

describe('a topology that the broker has otherwise', () => {
  it.each([
    [
      "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'notification.email.queue' in vhost '/': received the value '10' of type 'signedint' but current is none",
      "the queue notification.email.queue in vhost / exists with x-max-priority = none, this version needs the value '10' of type 'signedint'. ",
    ],
    [
      "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'retry.1s.queue' in vhost 'dev': received the value '1000' of type 'signedint' but current is the value '2000' of type 'signedint'",
      "the queue retry.1s.queue in vhost dev exists with x-message-ttl = the value '2000' of type 'signedint', this version needs the value '1000' of type 'signedint'. ",
    ],
    [
      "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'order.exchange' in vhost '/': received 'topic' but current is 'fanout'",
      "the exchange order.exchange in vhost / exists with type = 'fanout', this version needs 'topic'. ",
    ],
  ])('is told with name, argument, both values and what to do: %s', (text, what) => {
    const error = told(refusal(text))
    expect(error).toBeInstanceOf(BrokenError)
    expect(error).toMatchObject({ code: 'topology_mismatch' })
    expect(error.message).toBe(
      `${what}Let its messages be consumed, delete it in the management UI, and start again: it is declared anew.`,
    )
  })

  it('is told with the setting to look at when only the kind of queue differs', () => {
    const error = told(
      refusal(
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'payment.rpc.queue' in vhost '/': received 'quorum' but current is 'classic'",
      ),
    )
    expect(error).toMatchObject({ code: 'topology_mismatch' })
    expect(error.message).toMatch(/ Or is BROKER_CLUSTER not the same for all services\?$/)
  })

  it('is not confused with any other failure', () => {
    const other = refusal("ACCESS_REFUSED - access to queue 'order.queue' in vhost '/' refused for user 'guest'")
    expect(told(other)).toBe(other)
  })
})

describe('a queue whose node is down', () => {
  it.each([
    "NOT_FOUND - home node 'orders3@localhost' of durable queue 'notification.email.queue' in vhost '/' is down or inaccessible",
    "NOT_FOUND - queue 'notification.email.queue' in vhost '/' process is stopped by supervisor",
  ])('is told with the setting that would have replicated it, and tried again: %s', (text) => {
    const refused = new Error(`Operation failed: QueueDeclare; 404 (NOT-FOUND) with message "${text}"`)
    const error = told(refused)
    expect(error).toBeInstanceOf(TransientError)
    expect(error).toMatchObject({ code: 'queue_away', cause: refused })
    expect(error.message).toMatch(
      /^the node that has the queue notification\.email\.queue is down\. .*BROKER_CLUSTER=true/,
    )
  })
})
