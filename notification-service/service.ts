// Assembles notification-service, which notifies customers about their orders on the channels that they chose.
import { type Channel, channels, OrderCreated, orders } from '@orders/shared/contracts'
import type { Patience } from '@orders/shared/messaging'
import type { ServiceDefinition, Wired, Wiring } from '@orders/shared/runtime'
import { INDEX } from '@orders/shared/storage'
import { watchBounces } from './channels/bounce-folder.ts'
import { takingReports } from './channels/callbacks.ts'
import { callsIn } from './channels/calls.ts'
import { MAIL_TIMEOUT_MS } from './channels/email.ts'
import { hasMailProvider } from './channels/mail-providers.ts'
import { PREFETCH } from './channels/prefetch.ts'
import { createProof, type Proof, stopGauge } from './channels/proof.ts'
import { reachedBy } from './channels/providers.ts'
import type { Send } from './channels/sender.ts'
import { openSenders } from './channels/senders.ts'
import { watchUrgent } from './channels/urgent.ts'
import { NotificationConfig } from './config.ts'
import { forgetterOf } from './forgetting/forget.ts'
import { channelHandler } from './handlers.ts'
import { startReleasing } from './holding/release.ts'
import { holdings } from './holdings.ts'
import { routes } from './http.ts'
import { startJobs } from './jobs/run.ts'
import { summaryJob } from './jobs/summary.ts'
import { courseOfOrders } from './orders/course.ts'
import { newsHandlers } from './orders/handlers.ts'
import { sequencesOf } from './orders/sequences.ts'
import { recallOf } from './recall.ts'
import { checkedTemplatesIn } from './rendering/checked.ts'
import { saveTemplates, templateFiles } from './rendering/store.ts'
import type { TemplateSet } from './rendering/template-set.ts'
import { withHistory } from './rendering/templates.ts'
import { ruleSettingsOf } from './rules/settings.ts'
import { tables } from './tables.ts'
import { upgradeAddresses, upgradeMailboxes } from './upgrade/addresses.ts'
import { upgradeCustomers } from './upgrade/customers.ts'
import { upgradeEndpoints } from './upgrade/endpoints.ts'

export const notificationService: ServiceDefinition<typeof NotificationConfig> = {
  name: 'notification-service',
  domain: orders,
  summary: 'Notifies customers about their orders by e-mail, SMS, push and webhook.',
  tags: {
    notifications: 'Notifications: sent, followed, cancelled and sent again.',
    customers: 'Addresses and preferences of customers.',
    templates: 'Texts and looks of the messages.',
    suppressions: 'Addresses to which the service sends nothing.',
    'suppression-stops': 'Providers that are ignored, because they reported too many addresses as gone.',
    webhooks: 'What owners of webhooks need.',
    callbacks: 'Reports of providers.',
    unsubscribe: 'The link to unsubscribe in mails.',
  },
  folder: import.meta.dirname,
  holdings,
  niceness: 5,
  config: NotificationConfig,
  tables,
  recall: async (recalling) => recallOf(newsHandlers(await termsIn(recalling))),
  async wire(wiring) {
    const { config, commit, database, parts, log, now } = wiring
    const proof = createProof({ database, commit, log, now, shareMax: config.suppressionSharePercent })
    const { senders, breakers } = openSenders(config, {
      log,
      now,
      proof,
      calls: callsIn(commit, {
        now,
        perSecond: { email: config.mailsPerSecond, sms: config.smsPerSecond },
        course: courseOfOrders,
      }),
      keep: (sender) => parts.use(sender.provider, sender, (it) => it.close()),
    })
    return { ...(await wireWith(wiring, senders, proof)), breakers, gauges: [stopGauge(database)] }
  },
}

const MINUTE_MS = 60_000

/**
 * A mail server that defers a mail expects retries for hours (RFC 5321, section 4.5.4.1). Other providers recover
 * within an hour or not at all.
 */
function patienceFor(channel: Channel, { mailPatienceMs, channelPatienceMs }: NotificationConfig): Patience {
  return channel === 'email'
    ? { waitsMs: [1_000, 5_000, 30_000, 2 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS], forMs: mailPatienceMs }
    : { waitsMs: [1_000, 5_000, 30_000, 2 * MINUTE_MS, 10 * MINUTE_MS], forMs: channelPatienceMs }
}

/**
 * The domain of made-up addresses, for orders without an address and an unknown customer. Undefined if
 * DEFAULT_EMAIL_DOMAIN is `none` and mails really leave the service.
 */
function inventedDomain(config: NotificationConfig): string | undefined {
  const { defaultEmailDomain } = config
  if (defaultEmailDomain !== 'none') return defaultEmailDomain
  return hasMailProvider(config) ? undefined : 'example.com'
}

const checked = new Map<string, TemplateSet>()

/**
 * The compiled templates, once per process: without a build, checking them takes longer than the rest of the start.
 *
 * @throws BrokenError `template_broken`, which names every fault in the files.
 */
export function checkedTemplates({ mailImprint = '', mailReplyTo = '' }: MailSettings = {}): TemplateSet {
  // An environment variable has one line, so `\n` in it stands for a line break.
  const shop = { imprint: mailImprint.replaceAll('\\n', '\n'), replyTo: mailReplyTo }
  const key = JSON.stringify(shop)
  const set = checked.get(key) ?? checkedTemplatesIn(import.meta.dirname, shop)
  checked.set(key, set)
  return set
}

interface MailSettings {
  mailImprint?: string
  mailReplyTo?: string
}

/**
 * The terms by which notifications are taken in. First stores the current templates and upgrades the rows of earlier
 * versions.
 */
async function termsIn(wiring: Pick<Wiring<NotificationConfig>, 'config' | 'database' | 'openKey' | 'now'>) {
  const { config, database, openKey, now } = wiring
  await openKey(INDEX)
  const current = checkedTemplates(config)
  await saveTemplates(database, current.version, current.files, now().toISOString())
  await upgradeAddresses(database, config.phoneCountry, now().toISOString())
  await upgradeMailboxes(database, now().toISOString())
  await upgradeCustomers(database, now().toISOString())
  await upgradeEndpoints(database, now().toISOString())
  const templates = withHistory(current, async (version) =>
    (await templateFiles.load(database, [version])).get(version),
  )
  const defaultEmailDomain = inventedDomain(config)
  const style = { ...config, version: current.version, defaultEmailDomain }
  const reaches = reachedBy(config)
  const { phoneCountry } = config
  const settings = ruleSettingsOf(config, defaultEmailDomain)
  const sequences = sequencesOf(config)
  return { style, templates, settings, unsubscribe: config, reaches, course: courseOfOrders, phoneCountry, sequences }
}

/** Builds everything but the senders: the simulation passes its own. */
export async function wireWith(
  wiring: Wiring<NotificationConfig>,
  senders: Record<Channel, Send>,
  proof: Proof,
): Promise<Wired> {
  const { config, commit, database, log, now, parts } = wiring
  const terms = await termsIn(wiring)
  const handlerOf = (channel: Channel) => channelHandler(channel, senders[channel], terms, patienceFor(channel, config))
  const handlers = {
    email: handlerOf('email'),
    sms: handlerOf('sms'),
    push: handlerOf('push'),
    webhook: handlerOf('webhook'),
  }
  const urgent = watchUrgent({ ...wiring, handlers, afterMs: config.urgentDirectAfterMs })
  parts.use('urgent', urgent, (it) => it.close())
  const releasing = startReleasing({ database, commit, log, now, pollMs: config.releasePollMs, terms })
  parts.use('release of held notifications', releasing, (it) => it.close())
  const { bouncesDir: folder, mailIdDomain } = config
  if (folder !== undefined) {
    const bounces = watchBounces({ folder, mailIdDomain, take: takingReports(wiring, proof), log, now })
    parts.use('folder of bounces', bounces, (it) => it.close())
  }
  const jobs = startJobs(summaryJob(config, terms, database), {
    database,
    commit,
    log,
    now,
    pollMs: config.releasePollMs,
    terms,
  })
  parts.use('jobs', jobs, (it) => it.close())
  return {
    consumers: [
      {
        queue: 'notification.queue',
        prefetch: 256,
        handlers: newsHandlers(terms),
        // Consumed until the confirmation mail had prices. The binding stays until an operator prunes it.
        retired: [OrderCreated.type],
      },
      ...channels.map((channel) => ({
        queue: `notification.${channel}.queue`,
        // A request's routing key names all its channels. Each queue is bound with its own channel.
        patterns: [`notification.requested.#.${channel}.#`],
        prefetch: PREFETCH[channel],
        handlers: [handlers[channel]],
        askTimeoutMs: MAIL_TIMEOUT_MS,
      })),
    ],
    forget: forgetterOf(wiring),
    routes: (app) => routes(app, wiring, terms, proof),
  }
}
