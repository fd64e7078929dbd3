// Wires notification-service: it tells customers what happened, by the channels they chose.
import { join } from 'node:path'
import { type Channel, channels } from '@orders/shared/contracts'
import type { ServiceDefinition, Wired, Wiring } from '@orders/shared/runtime'
import { callsIn } from './channels/calls.ts'
import { MAIL_TIMEOUT_MS } from './channels/email.ts'
import { PREFETCH } from './channels/prefetch.ts'
import type { Send } from './channels/sender.ts'
import { openSenders } from './channels/senders.ts'
import { watchUrgent } from './channels/urgent.ts'
import { NotificationConfig } from './config.ts'
import { channelHandler } from './deliveries/handlers.ts'
import { newsHandlers } from './handlers.ts'
import { startReleasing } from './holding/release.ts'
import { routes } from './http.ts'
import { startJobs } from './jobs/run.ts'
import { summaryJob } from './jobs/summary.ts'
import { checkTemplates } from './rendering/check.ts'
import { saveTemplates, templatesOf } from './rendering/store.ts'
import { readTemplateFiles } from './rendering/template-files.ts'
import { compileTemplates, type TemplateSet } from './rendering/template-set.ts'
import { withHistory } from './rendering/templates.ts'
import { ruleSettingsOf } from './rules/settings.ts'
import { sequencesOf } from './sequences/domain.ts'
import { templates as declarations } from './templates/schemas.ts'

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
      calls: callsIn(database, commit),
      keep: (sender) => parts.use(sender.provider, sender, (it) => it.close()),
    })
    return wireWith(wiring, senders)
  },
}

let checked: TemplateSet | undefined

/**
 * Read, compiled and checked once for each process: it costs more than all the rest of a start.
 *
 * @throws BrokenError `template_broken` that names every fault of the files.
 */
export function checkedTemplates(): TemplateSet {
  checked ??= readAndChecked()
  return checked
}

function readAndChecked(): TemplateSet {
  const current = compileTemplates(readTemplateFiles(join(import.meta.dirname, 'templates')))
  checkTemplates(current, declarations)
  return current
}

/** Everything but the senders, which the simulation replaces. */
export async function wireWith(wiring: Wiring<NotificationConfig>, senders: Record<Channel, Send>): Promise<Wired> {
  const current = checkedTemplates()
  const { config, commit, database, log, now, parts } = wiring
  await saveTemplates(database, current.version, current.files, now().toISOString())
  const templates = withHistory(current, (version) => templatesOf(database, version))
  const style = { ...config, version: current.version }
  const terms = { style, templates, settings: ruleSettingsOf(config), unsubscribe: config }
  const handlerOf = (channel: Channel) => channelHandler(channel, senders[channel], terms)
  const handlers = {
    email: handlerOf('email'),
    sms: handlerOf('sms'),
    push: handlerOf('push'),
    webhook: handlerOf('webhook'),
  }
  const urgent = watchUrgent({ ...wiring, handlers, afterMs: config.urgentDirectAfterMs })
  parts.use('urgent', urgent, (it) => it.close())
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
        handlers: [handlers[channel]],
        askTimeoutMs: MAIL_TIMEOUT_MS,
      })),
    ],
    routes: (app) => routes(app, wiring, terms),
  }
}
