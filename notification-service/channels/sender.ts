// The interface of a channel's provider, and one call to it: claimed before it is made, stored if it fails.
import type { TraceHeaders } from '@orders/shared/messaging'
import { asError, declaredOutside, PermanentError, TransientError } from '@orders/shared/runtime'
import type { Outgoing, Receipt } from '../deliveries/domain.ts'
import { withoutAddresses } from './address-in-text.ts'
import type { Calls, OpenCall } from './calls.ts'
import type { Proof } from './proof.ts'

/**
 * The provider is at fault, not this message, so the error counts for the provider's breaker. If the outcome is
 * `unknown`, the provider may have accepted the message all the same.
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
 * Whether the provider certainly did not accept the message. An unforeseen error leaves that open, and so does an
 * outage of our own, which hides the provider's answer.
 */
export function isRefusal(error: unknown): boolean {
  if (error instanceof ProviderError) return error.outcome === 'refused'
  return error instanceof PermanentError || (error instanceof TransientError && !error.isOutage)
}

/** The address is gone. The message is not retried, and the address is suppressed. */
export class AddressGoneError extends PermanentError {
  override name = 'AddressGoneError'
}

export interface Sender {
  provider: string
  /**
   * Resolves with the provider's id of the message once the provider has accepted it. A repeat carries the same id of
   * ours, so a provider that honours it delivers once.
   *
   * @throws PermanentError if this message will never be accepted; TransientError if it may be later; ProviderError if
   * the provider accepts no message now.
   */
  send(outgoing: Outgoing, signal: AbortSignal, trace?: TraceHeaders): Promise<string>
  /**
   * The provider's id of the message, if the provider accepted it after `since`. For a provider that would send a
   * repeat twice. If it throws, the question stays open.
   */
  find?(outgoing: Outgoing, since: string, signal: AbortSignal): Promise<string | undefined>
  close(): void
  /** True if it replaces a provider that is not configured: nothing that it accepts is sent. */
  isStandIn?: boolean
}

export interface Sending extends Receipt {
  durationMs: number
}

export type Send = (
  outgoing: Outgoing,
  context: { now: string; attempt: number; signal: AbortSignal; trace?: TraceHeaders },
) => Promise<Sending>

/** The call that was found before this one. `isOpen`: it may have been accepted even if this one is refused. */
export interface Earlier {
  found: OpenCall | undefined
  isOpen: boolean
}

export type SendClaimed = (outgoing: Outgoing, context: Parameters<Send>[1], earlier?: Earlier) => Promise<Sending>

/**
 * Claims the call, makes it, and stores a failure before it throws it. A failed call never reaches the handler's
 * decision, and operators want to see it while the message waits for its retry. The handler's decision stores a
 * success, which ends the claim.
 */
export function claiming(
  { provider, send, isStandIn = false }: Sender,
  { calls, now, proof }: { calls: Calls; now: () => Date; proof: Proof },
): SendClaimed {
  return async (outgoing, { now: at, attempt, signal, trace }, earlier) => {
    const call = { provider, at: now().toISOString() }
    const claim = await calls.begin(outgoing, call, earlier)
    const started = performance.now()
    const durationMs = () => Math.round(performance.now() - started)
    try {
      const providerId = await send(outgoing, signal, trace)
      proof.answered(provider)
      return { provider, providerId, durationMs: durationMs(), ...(isStandIn && { isStandIn }) }
    } catch (thrown) {
      const error = withoutAddress(await provenBy(proof, provider, asError(thrown)), outgoing.address)
      const { notificationId, channel } = outgoing
      const failed = { notificationId, channel, attempt, at, provider, error: error.message, durationMs: durationMs() }
      // This call was refused, but the one before it may have been accepted.
      const before = earlier?.isOpen ? earlier.found : undefined
      await calls.fail(claim, failed, isRefusal(error) ? before : call)
      throw declaredOutside(error)
    }
  }
}

/**
 * Removes the address, which providers often repeat, because the text goes unencrypted to the audit log, to retries and
 * to dead letters. The error object stays the same, since its class decides what happens next.
 */
function withoutAddress(error: Error, address: string): Error {
  error.message = withoutAddresses(error.message, address)
  if (error.stack !== undefined) error.stack = withoutAddresses(error.stack, address)
  return error
}

/** If the provider is not trusted, its report of a gone address counts as a refusal of this one message. */
async function provenBy(proof: Proof, provider: string, error: Error): Promise<Error> {
  if (error instanceof PermanentError) proof.answered(provider)
  if (!(error instanceof AddressGoneError) || (await proof.accepts(provider))) return error
  return new PermanentError(error.code, error.message)
}
