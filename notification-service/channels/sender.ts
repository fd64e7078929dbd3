// What a channel's outside system must do, and one call to it: claimed before, and kept when it failed.
import type { TraceHeaders } from '@orders/shared/messaging'
import { asError, declaredOutside, PermanentError, TransientError } from '@orders/shared/runtime'
import type { Outgoing, Receipt } from '../deliveries/domain.ts'
import { withoutAddresses } from './address-in-text.ts'
import type { Calls, OpenCall } from './calls.ts'
import type { Proof } from './proof.ts'

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
  send(outgoing: Outgoing, signal: AbortSignal, trace?: TraceHeaders): Promise<string>
  /**
   * The provider's id of the message, if it took it since `since`: for a provider that would send a repeat twice. What
   * it throws leaves the question open.
   */
  find?(outgoing: Outgoing, since: string, signal: AbortSignal): Promise<string | undefined>
  close(): void
  /** In the place of a provider that is not configured: whatever it takes reaches nobody. */
  isStandIn?: boolean
}

export interface Sending extends Receipt {
  durationMs: number
}

export type Send = (
  outgoing: Outgoing,
  context: { now: string; attempt: number; signal: AbortSignal; trace?: TraceHeaders },
) => Promise<Sending>

/** What was found of a call before this one, and whether that one may have been taken even if this one is refused. */
export interface Earlier {
  found: OpenCall | undefined
  isOpen: boolean
}

export type SendClaimed = (outgoing: Outgoing, context: Parameters<Send>[1], earlier?: Earlier) => Promise<Sending>

/**
 * Claims the call, makes it, and keeps a failure before passing it on: what fails never reaches the decision of the
 * handler, and an operator wants to see it while the message still waits for its next attempt. A success is kept there,
 * and ends the claim.
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
      // This call may be refused while the one before it was taken all the same.
      const before = earlier?.isOpen ? earlier.found : undefined
      await calls.fail(claim, failed, isRefusal(error) ? before : call)
      throw declaredOutside(error)
    }
  }
}

/**
 * What a provider says often names the address, and goes where no key encrypts it: to the audit log, to retries, to dead letters. The
 * error stays the same one, since its class decides what happens.
 */
function withoutAddress(error: Error, address: string): Error {
  error.message = withoutAddresses(error.message, address)
  if (error.stack !== undefined) error.stack = withoutAddresses(error.stack, address)
  return error
}

/** What is said of an address without being believed is a refusal of this one message. */
async function provenBy(proof: Proof, provider: string, error: Error): Promise<Error> {
  if (error instanceof PermanentError) proof.answered(provider)
  if (!(error instanceof AddressGoneError) || (await proof.accepts(provider))) return error
  return new PermanentError(error.code, error.message)
}
