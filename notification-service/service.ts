// Wires notification-service: it tells customers what happened, by the channels they chose.
import { join } from 'node:path'
import { channels } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import { MAIL_TIMEOUT_MS, openMailFolder, openSmtp } from './channels/email.ts'
import { openLogChannel } from './channels/log.ts'
import { reportingFailures } from './channels/sender.ts'
import { NotificationConfig } from './config.ts'
import { attemptRecorder, channelHandler, newsHandlers } from './handlers.ts'
import { routes } from './http.ts'
import { checkTemplates } from './rendering/check.ts'
import { saveTemplates, templatesOf } from './rendering/store.ts'
import { readTemplateFiles } from './rendering/template-files.ts'
import { compileTemplates } from './rendering/template-set.ts'
import { withHistory } from './rendering/templates.ts'
import { templates as declarations } from './templates/schemas.ts'

export const notificationService: ServiceDefinition<typeof NotificationConfig> = {
  name: 'notification-service',
  place: 4,
  summary: 'Tells customers what happened to their orders, by e-mail, SMS, push and webhook.',
  folder: import.meta.dirname,
  config: NotificationConfig,
  async wire(wiring) {
    const { config, commit, database, parts, log, now } = wiring
    const current = compileTemplates(readTemplateFiles(join(import.meta.dirname, 'templates')))
    checkTemplates(current, declarations)
    await saveTemplates(database, current.version, current.files, now().toISOString())
    const templates = withHistory(current, (version) => templatesOf(database, version))
    const mail =
      config.smtpUrl === undefined
        ? openMailFolder(join(config.dataDir, 'mail'), config)
        : openSmtp(config.smtpUrl, config)
    const standIn = openLogChannel(log)
    const senders = {
      email: parts.use('mail', mail, (it) => it.close()),
      sms: standIn,
      push: standIn,
      webhook: standIn,
    }
    const style = { ...config, version: current.version }
    const report = attemptRecorder(commit)
    return {
      consumers: [
        { queue: 'notification.queue', prefetch: 256, handlers: newsHandlers(style) },
        ...channels.map((channel) => ({
          queue: `notification.${channel}.queue`,
          prefetch: channel === 'email' ? 32 : 16,
          handlers: [channelHandler(channel, reportingFailures(senders[channel], report), templates)],
          askTimeoutMs: MAIL_TIMEOUT_MS,
        })),
      ],
      routes: (app) => routes(app, wiring, { style, templates }),
    }
  },
}
