// Wires notification-service: it tells customers what happened, by the channels they chose.
import { join } from 'node:path'
import { type Channel, channels } from '@orders/shared/contracts'
import type { ServiceDefinition, Wired, Wiring } from '@orders/shared/runtime'
import { MAIL_TIMEOUT_MS } from './channels/email.ts'
import type { Send } from './channels/sender.ts'
import { openSenders } from './channels/senders.ts'
import { NotificationConfig } from './config.ts'
import { attemptRecorder, channelHandler, openCallsIn } from './deliveries/handlers.ts'
import { newsHandlers } from './handlers.ts'
import { startReleasing } from './holding/release.ts'
import { routes } from './http.ts'
import { startJobs } from './jobs/run.ts'
import { summaryJob } from './jobs/summary.ts'
import { checkTemplates } from './rendering/check.ts'
import { saveTemplates, templatesOf } from './rendering/store.ts'
import { readTemplateFiles } from './rendering/template-files.ts'
import { compileTemplates } from './rendering/template-set.ts'
import { withHistory } from './rendering/templates.ts'
import { ruleSettingsOf } from './rules/settings.ts'
import { sequencesOf } from './sequences/domain.ts'
import { templates as declarations } from './templates/schemas.ts'

/** Messages at the provider at one time. What calls many endpoints has more, since some of them are slow. */
const PREFETCH: Record<Channel, number> = { email: 32, sms: 16, push: 64, webhook: 64 }

export const notificationService: ServiceDefinition<typeof NotificationConfig> = {
  name: 'notification-service',
  place: 4,
  summary: 'Tells customers what happened to their orders, by e-mail, SMS, push and webhook.',
  folder: import.meta.dirname,
  config: NotificationConfig,
  wire(wiring) {
    const { config, commit, database, parts, log, now } = wiring
    const senders = openSenders(config, {
      log,
      now,
      report: attemptRecorder(commit),
      calls: openCallsIn(database, commit),
      keep: (sender) => parts.use(sender.provider, sender, (it) => it.close()),
    })
    return wireWith(wiring, senders)
  },
}

/** Everything but the senders, which the simulation replaces. */
export async function wireWith(wiring: Wiring<NotificationConfig>, senders: Record<Channel, Send>): Promise<Wired> {
  const { config, commit, database, log, now, parts } = wiring
  const current = compileTemplates(readTemplateFiles(join(import.meta.dirname, 'templates')))
  checkTemplates(current, declarations)
  await saveTemplates(database, current.version, current.files, now().toISOString())
  const templates = withHistory(current, (version) => templatesOf(database, version))
  const style = { ...config, version: current.version }
  const terms = { style, templates, settings: ruleSettingsOf(config), unsubscribe: config }
  const releasing = startReleasing({ database, commit, log, now, pollMs: config.releasePollMs, terms })
  parts.use('release of what is held', releasing, (it) => it.close())
  const jobs = startJobs(summaryJob(config, terms), { commit, log, now, pollMs: config.releasePollMs })
  parts.use('jobs', jobs, (it) => it.close())
  return {
    consumers: [
      {
        queue: 'notification.queue',
        prefetch: 256,
        handlers: newsHandlers({ ...terms, sequences: sequencesOf(config) }),
      },
      ...channels.map((channel) => ({
        queue: `notification.${channel}.queue`,
        prefetch: PREFETCH[channel],
        handlers: [channelHandler(channel, senders[channel], terms)],
        askTimeoutMs: MAIL_TIMEOUT_MS,
      })),
    ],
    routes: (app) => routes(app, wiring, terms),
  }
}
