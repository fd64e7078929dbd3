// Opens the configured mail providers, in the order in which they take over for one another.
import { join } from 'node:path'
import { BrokenError } from '@orders/shared/runtime'
import type { NotificationConfig } from '../config.ts'
import { addedOpeners, isAdded } from './added.ts'
import { openMailFolder, openSmtp } from './email.ts'
import { openPostmark } from './postmark.ts'
import type { Sender } from './sender.ts'
import { openSes } from './ses.ts'

type Open = (config: NotificationConfig, now: () => Date) => Sender | undefined

/** Each opens if its settings are there, in this order unless EMAIL_PROVIDERS names another. */
const providers: Record<string, Open> = {
  smtp: (config, now) => (config.smtpUrl === undefined ? undefined : openSmtp(config.smtpUrl, config, now)),
  'smtp-second': (config, now) =>
    config.smtpSecondUrl === undefined ? undefined : openSmtp(config.smtpSecondUrl, config, now, 'smtp-second'),
  postmark: (config, now) => {
    const { postmarkServerToken: serverToken, postmarkMessageStream: messageStream, postmarkBaseUrl: baseUrl } = config
    return serverToken === undefined ? undefined : openPostmark({ serverToken, messageStream, baseUrl }, config, now)
  },
  ses: (config, now) => {
    const { sesRegion: region, sesAccessKeyId: accessKeyId, sesSecretAccessKey: secretAccessKey } = config
    const { sesSessionToken: sessionToken, sesConfigurationSet: configurationSet, sesBaseUrl: baseUrl } = config
    if (region === undefined) return undefined
    if (accessKeyId === undefined || secretAccessKey === undefined)
      throw new BrokenError(
        'bad_configuration',
        'configuration: SES_REGION needs SES_ACCESS_KEY_ID and SES_SECRET_ACCESS_KEY',
      )
    const key = { accessKeyId, secretAccessKey, sessionToken }
    return openSes({ ...key, region, configurationSet, baseUrl }, config, now)
  },
  ...addedOpeners('email'),
}

/** Whether mails really leave the service. */
export function hasMailProvider(config: NotificationConfig): boolean {
  const { smtpUrl, smtpSecondUrl, postmarkServerToken, sesRegion } = config
  const own = [smtpUrl, smtpSecondUrl, postmarkServerToken, sesRegion]
  return own.some((setting) => setting !== undefined) || isAdded(config, 'email')
}

/**
 * If no provider is configured, mails become files in a folder.
 *
 * @throws BrokenError `bad_configuration` if a provider in EMAIL_PROVIDERS has no settings, or if some of its settings
 * are missing.
 */
export function openMailProviders(config: NotificationConfig, now: () => Date): [Sender, ...Sender[]] {
  const named = config.emailProviders?.split(',')
  const opened = (named ?? Object.keys(providers)).flatMap((name) => {
    const sender = providers[name]?.(config, now)
    if (sender === undefined && named !== undefined)
      throw new BrokenError(
        'bad_configuration',
        `configuration: EMAIL_PROVIDERS names ${name}, which is not configured`,
      )
    return sender ?? []
  })
  const [first, ...others] = opened
  return first ? [first, ...others] : [openMailFolder(join(config.dataDir, 'mail'), config, now)]
}
