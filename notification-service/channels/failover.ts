// One or more providers for a channel. The next one takes over while the breaker of the one before is open, but never
// for a message that the first may have accepted: a late message is better than two.
import { TransientError } from '@orders/shared/runtime'
import { dueSince, type Outgoing } from '../deliveries/domain.ts'
import type { Breaker } from './breaker.ts'
import type { Calls, OpenCall } from './calls.ts'
import type { Proof } from './proof.ts'
import { claiming, type Earlier, type Send, type SendClaimed, type Sender, type Sending } from './sender.ts'

interface Options {
  calls: Calls
  now: () => Date
  /** How long a message waits to learn whether a provider accepted it. After that it is sent again. */
  unknownMs: number
  proof: Proof
  breakerOf: (provider: string) => Breaker
}

interface Provider {
  sender: Sender
  breaker: Breaker
  send: SendClaimed
}

/** How long a provider may take to finish a call before it is asked whether it accepted the message. */
const SETTLE_MS = 30_000

type Context = Parameters<Send>[1]

/**
 * The first sender is preferred. An open call is followed up only if there are several senders, or if the provider
 * would send a repeat twice, which `find` is for.
 */
export function inTurn(senders: [Sender, ...Sender[]], { calls, now, unknownMs, proof, breakerOf }: Options): Send {
  const nowMs = () => now().getTime()
  const provide = (sender: Sender): Provider => {
    return { sender, breaker: breakerOf(sender.provider), send: claiming(sender, { calls, now, proof }) }
  }
  const [first, ...others] = senders
  const preferred = provide(first)
  const providers = [preferred, ...others.map(provide)]
  if (providers.length === 1 && !first.find)
    return (outgoing, context) => preferred.breaker.call(dueSince(outgoing), () => preferred.send(outgoing, context))

  return async (outgoing, context) => {
    const found = outgoing.call ?? undefined
    const open = stillOpen(found)
    const anew = { found, isOpen: false }
    if (!open) return ask(serving(), outgoing, context, anew)
    const { provider } = open
    if (!provider.sender.find) return askAgain(open, outgoing, context)
    return (await lookUp(open, outgoing, context)) ?? ask(serving(), outgoing, context, anew)
  }

  /** Undefined also if the time limit has passed, or if the provider is no longer configured. */
  function stillOpen(call: OpenCall | undefined): Open | undefined {
    const provider = providers.find(({ sender }) => sender.provider === call?.provider)
    const ageMs = call ? nowMs() - Date.parse(call.at) : 0
    return call && provider && ageMs < unknownMs ? { provider, call, ageMs } : undefined
  }

  /** The first provider whose breaker allows calls. If none does, the first, which then throws `breaker_open`. */
  function serving(): Provider {
    return providers.find(({ breaker }) => breaker.openForMs() === 0) ?? preferred
  }

  function ask({ breaker, send }: Provider, outgoing: Outgoing, context: Context, earlier: Earlier): Promise<Sending> {
    return breaker.call(dueSince(outgoing), () => send(outgoing, context, earlier))
  }

  /**
   * Repeats the call at the same provider with the same id, by which the provider recognises a repeat. While its
   * breaker is open, no other provider is asked.
   */
  async function askAgain({ provider, call, ageMs }: Open, outgoing: Outgoing, context: Context): Promise<Sending> {
    const waitMs = Math.min(provider.breaker.openForMs(), unknownMs - ageMs)
    if (waitMs > 0) throw stillUnknown(provider.sender.provider, waitMs)
    return ask(provider, outgoing, context, { found: call, isOpen: true })
  }

  async function lookUp({ provider, call, ageMs }: Open, outgoing: Outgoing, { signal }: Context) {
    const { sender } = provider
    if (ageMs < SETTLE_MS) throw stillUnknown(sender.provider, SETTLE_MS - ageMs)
    const started = performance.now()
    const providerId = await sender.find?.(outgoing, call.at, signal).catch((cause: unknown) => {
      throw stillUnknown(sender.provider, SETTLE_MS, cause)
    })
    const durationMs = Math.round(performance.now() - started)
    return providerId === undefined ? undefined : { provider: sender.provider, providerId, durationMs }
  }
}

interface Open {
  provider: Provider
  call: OpenCall
  ageMs: number
}

/**
 * Costs no attempt, since no provider was asked to send. Cannot go on for ever: every open call reaches its time limit.
 */
function stillUnknown(provider: string, waitMs: number, cause?: unknown): TransientError {
  return new TransientError('outcome_unknown', `${provider} may have taken the message already`, {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
    cause,
  })
}
