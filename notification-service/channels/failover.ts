// One or two providers for a channel: the second takes over while the first's breaker is open, but never a message that
// the first may have taken. To send late is better than to send twice.
import { TransientError } from '@orders/shared/runtime'
import { dueSince, type Outgoing } from '../deliveries/domain.ts'
import type { Breaker } from './breaker.ts'
import type { Calls, OpenCall } from './calls.ts'
import type { Proof } from './proof.ts'
import { claiming, type Earlier, type Send, type SendClaimed, type Sender, type Sending } from './sender.ts'

interface Options {
  calls: Calls
  now: () => Date
  /** After this nobody waits any longer for a provider to tell whether it took a message. */
  unknownMs: number
  proof: Proof
  breakerOf: (provider: string) => Breaker
}

interface Provider {
  sender: Sender
  breaker: Breaker
  send: SendClaimed
}

/** A provider is given this long to finish what it began when it is to be asked whether it took a message. */
const SETTLE_MS = 30_000

type Context = Parameters<Send>[1]

/** The first sender is preferred. What may have been taken is asked about only with two senders, or one that sends twice. */
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

  /** Undefined too when its time has passed, or nobody knows its provider any more. */
  function stillOpen(call: OpenCall | undefined): Open | undefined {
    const provider = providers.find(({ sender }) => sender.provider === call?.provider)
    const ageMs = call ? nowMs() - Date.parse(call.at) : 0
    return call && provider && ageMs < unknownMs ? { provider, call, ageMs } : undefined
  }

  /** The first whose breaker lets calls through; when none does, the first says for how long. */
  function serving(): Provider {
    return providers.find(({ breaker }) => breaker.openForMs() === 0) ?? preferred
  }

  function ask({ breaker, send }: Provider, outgoing: Outgoing, context: Context, earlier: Earlier): Promise<Sending> {
    return breaker.call(dueSince(outgoing), () => send(outgoing, context, earlier))
  }

  /** By the same provider and under the same id, which is how it can tell; while it does not serve, by nobody. */
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

/** Not an attempt: nobody was asked to send. It ends, since the time of every open call passes. */
function stillUnknown(provider: string, waitMs: number, cause?: unknown): TransientError {
  return new TransientError('outcome_unknown', `${provider} may have taken the message already`, {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
    cause,
  })
}
