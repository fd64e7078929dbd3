// What a channel's outside system must do, and the reporting of every call to it that failed.
import { asError } from '@orders/shared/runtime'
import type { Attempt, Outgoing } from '../domain.ts'

export interface Sender {
  provider: string
  /**
   * Resolves with the provider's id once the provider has accepted the message. Sending the same again carries the same
   * id, so that a provider that honours it delivers once.
   *
   * @throws PermanentError when this message will never be accepted, any other error when it may be later.
   */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<string>
  close(): void
}

export interface Sending {
  provider: string
  providerId: string
  durationMs: number
}

export type Send = (
  outgoing: Outgoing,
  context: { now: string; attempt: number; signal: AbortSignal },
) => Promise<Sending>

/**
 * Sends, and reports a failure before passing it on: what fails never reaches the transaction of `handle`, and an
 * operator wants to see it while the message still waits for its next attempt.
 */
export function reportingFailures({ provider, send }: Sender, report: (failed: Attempt) => Promise<void>): Send {
  return async (outgoing, { now: at, attempt, signal }) => {
    const started = performance.now()
    const durationMs = () => Math.round(performance.now() - started)
    try {
      const providerId = await send(outgoing, signal)
      return { provider, providerId, durationMs: durationMs() }
    } catch (thrown) {
      const error = asError(thrown)
      const { notificationId, channel } = outgoing
      await report({ notificationId, channel, attempt, at, provider, error: error.message, durationMs: durationMs() })
      throw error
    }
  }
}
