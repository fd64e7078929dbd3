// Opens the sender of each channel: the configured providers, or a stand-in for development.
import type { Channel } from '@orders/shared/contracts'
import { BrokenError, errorCode, type Log, type WatchedBreaker } from '@orders/shared/runtime'
import type { NotificationConfig } from '../config.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { subscriptionOf } from '../web-addresses.ts'
import { openAdded } from './added.ts'
import { type Breaker, type BreakerOptions, createBreaker } from './breaker.ts'
import type { Calls } from './calls.ts'
import { perEndpoint } from './endpoints.ts'
import { inTurn } from './failover.ts'
import { openFcm } from './fcm.ts'
import { openLogChannel } from './log.ts'
import { openMailProviders } from './mail-providers.ts'
import type { Proof } from './proof.ts'
import { standInsOf } from './providers.ts'
import { claiming, type Send, type Sender } from './sender.ts'
import { servingCountries } from './sms-countries.ts'
import { openTwilio, type TwilioAccount } from './twilio.ts'
import { openWebPush, pushServiceOf } from './web-push.ts'
import { openWebhook } from './webhook.ts'

interface Surroundings {
  log: Log
  now: () => Date
  calls: Calls
  proof: Proof
  /** Closes the sender when the service stops. */
  keep: <S extends Sender>(sender: S) => S
}

export function openSenders(
  config: NotificationConfig,
  { log, now, calls, proof, keep }: Surroundings,
): { senders: Record<Channel, Send>; breakers: WatchedBreaker[] } {
  const breakers: WatchedBreaker[] = []
  const standIns = standInsOf(config)
  if (standIns.length > 0)
    log.warn({ standIns }, 'these channels have no provider, only a stand-in: nobody receives their messages')
  const claimed = (sender: Sender) => claiming(keep(sender), { calls, now, proof })
  const standIn = claimed(openLogChannel(log))
  const senders = {
    email: either(openMailProviders(config, now)),
    sms: openSms() ?? standIn,
    push: openPush(),
    webhook: openWebhooks(config) ?? standIn,
  }
  return { senders, breakers }

  function breakerOptionsOf(name: string): BreakerOptions {
    const changed = (why?: Error) =>
      why === undefined
        ? log.info({ breaker: name }, 'it works again: its circuit breaker is closed')
        : log.warn(
            { breaker: name, code: errorCode(why), why: why.message },
            'not called for a while: its circuit breaker is open',
          )
    return { nowMs: () => now().getTime(), toldMaxMs: config.retryAfterMaxMs, changed }
  }

  function watch(name: string, isOpen: () => boolean): void {
    breakers.push({ name, state: () => (isOpen() ? 'open' : 'closed') })
  }

  function breakerOf(provider: string): Breaker {
    const breaker = createBreaker(breakerOptionsOf(provider))
    watch(provider, breaker.isOpen)
    return breaker
  }

  function behindBreakers(name: string, endpointOf: (outgoing: Outgoing) => string, send: Send): Send {
    const endpoints = perEndpoint(endpointOf, breakerOptionsOf(name), send)
    watch(name, endpoints.isAnyOpen)
    return endpoints.send
  }

  /** The first is preferred. */
  function either([first, ...others]: [Sender, ...Sender[]]): Send {
    const unknownMs = config.unknownOutcomeSeconds * 1_000
    const options = { calls, now, unknownMs, proof, breakerOf }
    return inTurn([keep(first), ...others.map((other) => keep(other))], options)
  }

  function openSms(): Send | undefined {
    const names = ['twilio', 'twilio-second']
    const own = twilioAccountsOf(config).map((account, index) => openTwilio(names[index] ?? 'twilio', account))
    const all = [...own, ...openAdded(config, 'sms', now)]
    const [first, ...others] = all.map((sender) => servingCountries(sender, config.smsCountries))
    return first && either([first, ...others])
  }

  /** The address tells them apart: a browser's subscription is JSON, an app's token is not. */
  function openPush(): Send {
    const { fcmServiceAccount: serviceAccount, fcmBaseUrl: baseUrl, vapidPrivateKey } = config
    const [added] = openAdded(config, 'push', now)
    const apps = serviceAccount === undefined ? added : openFcm({ serviceAccount, baseUrl }, now)
    const toApps = apps === undefined ? standIn : claimed(apps)
    const toBrowsers =
      vapidPrivateKey === undefined ? standIn : claimed(openWebPush({ ...config, vapidPrivateKey }, now))
    const serviceOf = ({ address }: Outgoing) => pushServiceOf(address) ?? 'apps'
    return behindBreakers('push', serviceOf, (outgoing, context) =>
      (subscriptionOf(outgoing.address) ? toBrowsers : toApps)(outgoing, context),
    )
  }

  function openWebhooks({ webhookSecret, webhookAllowPrivate }: NotificationConfig): Send | undefined {
    if (webhookSecret === undefined) return undefined
    const webhook = openWebhook({ webhookSecret, webhookAllowPrivate }, now)
    return behindBreakers('webhook', ({ address }) => address, claimed(webhook))
  }
}

/**
 * The Twilio accounts for SMS: none, one, or two, of which the second takes over for the first.
 *
 * @throws BrokenError `bad_configuration` if settings of an account are missing.
 */
export function twilioAccountsOf(config: NotificationConfig): TwilioAccount[] {
  const { callbackUrl } = config
  const first = {
    accountSid: config.twilioAccountSid,
    authToken: config.twilioAuthToken,
    from: config.twilioFrom,
    baseUrl: config.twilioBaseUrl,
  }
  const second = {
    accountSid: config.twilioSecondAccountSid,
    authToken: config.twilioSecondAuthToken,
    from: config.twilioSecondFrom,
    baseUrl: config.twilioSecondBaseUrl,
  }
  return [first, second].flatMap(({ accountSid, authToken, from, baseUrl }) => {
    if (accountSid === undefined) return []
    if (authToken === undefined || from === undefined)
      throw new BrokenError(
        'bad_configuration',
        'configuration: TWILIO_ACCOUNT_SID needs TWILIO_AUTH_TOKEN and TWILIO_FROM, and so do those with SECOND',
      )
    return [{ accountSid, authToken, from, baseUrl, callbackUrl }]
  })
}
