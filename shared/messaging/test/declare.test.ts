// What a person reads when the broker has a queue otherwise.
import { describe, expect, it } from 'vitest'
import { BrokenError } from '../../runtime/errors.ts'
import { mismatch } from '../declare.ts'

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
  ])('is told with name, argument, both values and what to do: %s', (text, told) => {
    const error = mismatch(refusal(text))
    expect(error).toBeInstanceOf(BrokenError)
    expect(error).toMatchObject({ code: 'topology_mismatch' })
    expect(error.message).toBe(
      `${told}Let its messages be consumed, delete it in the management UI, and start again: it is declared anew.`,
    )
  })

  it('is not confused with any other failure', () => {
    const other = refusal("ACCESS_REFUSED - access to queue 'order.queue' in vhost '/' refused for user 'guest'")
    expect(mismatch(other)).toBe(other)
  })
})
