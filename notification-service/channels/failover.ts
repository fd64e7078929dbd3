// One or two providers for a channel: the second takes over while the first's breaker is open, but never a message that
// the first may have taken. To send late is better than to send twice.
import { TransientError } from '@orders/shared/runtime'
import type { Attempt, Outgoing } from '../deliveries/domain.ts'
import { type Breaker, createBreaker } from './breaker.ts'
import { isRefusal, reportingFailures, type Send, type Sender, type Sending } from './sender.ts'

export interface OpenCall {
  provider: string
  at: string
}

/** Where calls are kept whose answer is not known; committed when it resolves. */
export interface OpenCalls {
  find(outgoing: Outgoing): Promise<OpenCall | undefined>
  keep(outgoing: Outgoing, call: OpenCall): Promise<void>
  forget(outgoing: Outgoing): Promise<void>
}

interface Options {
  calls: OpenCalls
  report: (failed: Attempt) => Promise<void>
  now: () => Date
  /** After this nobody waits any longer for a provider to tell whether it took a message. */
  unknownMs: number
}

interface Provider {
  sender: Sender
  breaker: Breaker
  send: Send
}

/** A provider is given this long to finish what it began when it is to be asked whether it took a message. */
const SETTLE_MS = 30_000

type Context = Parameters<Send>[1]

/** The first sender is preferred. Calls are kept only where it matters: with two senders, or one that sends twice. */
export function inTurn(senders: [Sender, ...Sender[]], { calls, report, now, unknownMs }: Options): Send {
  const nowMs = () => now().getTime()
  const provide = (sender: Sender): Provider => {
    return { sender, breaker: createBreaker(nowMs), send: reportingFailures(sender, report) }
  }
  const [first, ...others] = senders
  const preferred = provide(first)
  const providers = [preferred, ...others.map(provide)]
  if (providers.length === 1 && !first.find)
    return (outgoing, context) => preferred.breaker.call(outgoing.createdAt, () => preferred.send(outgoing, context))

  return async (outgoing, context) => {
    const open = await openCall(outgoing)
    if (!open) return ask(serving(), outgoing, context)
    const { provider } = open
    if (!provider.sender.find) return askAgain(open, outgoing, context)
    const found = await lookUp(open, outgoing, context)
    return found ?? ask(serving(), outgoing, context)
  }

  /** Undefined too when its time has passed, or nobody knows its provider any more. */
  async function openCall(outgoing: Outgoing): Promise<Open | undefined> {
    const call = await calls.find(outgoing)
    const provider = providers.find(({ sender }) => sender.provider === call?.provider)
    const ageMs = call ? nowMs() - Date.parse(call.at) : 0
    return call && provider && ageMs < unknownMs ? { provider, call, ageMs } : undefined
  }

  /** The first whose breaker lets calls through; when none does, the first says for how long. */
  function serving(): Provider {
    return providers.find(({ breaker }) => breaker.openForMs() === 0) ?? preferred
  }

  async function ask({ sender, breaker, send }: Provider, outgoing: Outgoing, context: Context): Promise<Sending> {
    return breaker.call(outgoing.createdAt, async () => {
      await calls.keep(outgoing, { provider: sender.provider, at: now().toISOString() })
      return send(outgoing, context).catch(async (error: unknown) => {
        if (isRefusal(error)) await calls.forget(outgoing)
        throw error
      })
    })
  }

  /** By the same provider and under the same id, which is how it can tell; while it does not serve, by nobody. */
  async function askAgain({ provider, call, ageMs }: Open, outgoing: Outgoing, context: Context): Promise<Sending> {
    const { sender, breaker, send } = provider
    const waitMs = Math.min(breaker.openForMs(), unknownMs - ageMs)
    if (waitMs > 0) throw stillUnknown(sender.provider, waitMs)
    return breaker.call(outgoing.createdAt, async () => {
      await calls.keep(outgoing, { provider: sender.provider, at: now().toISOString() })
      return send(outgoing, context).catch(async (error: unknown) => {
        // This call is refused; the one before it may have been taken all the same.
        if (isRefusal(error)) await calls.keep(outgoing, call)
        throw error
      })
    })
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
