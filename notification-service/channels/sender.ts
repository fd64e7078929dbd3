// What a channel's outside system must do, and the reporting of every call to it that failed.
import { asError, PermanentError, TransientError } from '@orders/shared/runtime'
import type { Attempt, Outgoing } from '../deliveries/domain.ts'

/**
 * The provider is at fault and not this message, so it counts for the provider's breaker. Where the outcome is unknown,
 * the provider may have taken the message all the same.
 */
export class ProviderError extends TransientError {
  override name = 'ProviderError'
  readonly outcome: 'refused' | 'unknown'
  constructor(code: string, message: string, details: { outcome: 'refused' | 'unknown'; retryAfterSeconds?: number }) {
    super(code, message, details)
    this.outcome = details.outcome
  }
}

/**
 * Whether the message was certainly not taken: an error that nobody foresaw leaves that open, and so does an outage of our
 * own, which hides what the provider said.
 */
export function isRefusal(error: unknown): boolean {
  if (error instanceof ProviderError) return error.outcome === 'refused'
  return error instanceof PermanentError || (error instanceof TransientError && !error.isOutage)
}

/** The address takes nothing any more, so it is not tried again: it is put on the suppression list. */
export class AddressGoneError extends PermanentError {
  override name = 'AddressGoneError'
}

export interface Sender {
  provider: string
  /**
   * Resolves with the provider's id once the provider has accepted the message. Sending the same again carries the same
   * id, so that a provider that honours it delivers once.
   *
   * @throws PermanentError when this message will never be accepted, TransientError when it may be later,
   * ProviderError when none is accepted now.
   */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<string>
  /**
   * The provider's id of the message, if it took it since `since`: for a provider that would send a repeat twice. What
   * it throws leaves the question open.
   */
  find?(outgoing: Outgoing, since: string, signal: AbortSignal): Promise<string | undefined>
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
      const failed = { providerId: null, error: error.message, durationMs: durationMs() }
      await report({ notificationId, channel, attempt, at, provider, ...failed })
      throw error
    }
  }
}
