// Which providers mails go by, and in which order: the second takes over while the first does not serve, and so on.
import { join } from 'node:path'
import { BrokenError } from '@orders/shared/runtime'
import type { NotificationConfig } from '../config.ts'
import { addedOpeners, isAdded } from './added.ts'
import { openMailFolder, openSmtp } from './email.ts'
import { openPostmark } from './postmark.ts'
import type { Sender } from './sender.ts'
import { openSes } from './ses.ts'

type Open = (config: NotificationConfig, now: () => Date) => Sender | undefined

/** Each opens where its settings are there; in this order unless EMAIL_PROVIDERS says another. */
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

/** Whether a mail reaches anybody. */
export function hasMailProvider(config: NotificationConfig): boolean {
  const { smtpUrl, smtpSecondUrl, postmarkServerToken, sesRegion } = config
  const own = [smtpUrl, smtpSecondUrl, postmarkServerToken, sesRegion]
  return own.some((setting) => setting !== undefined) || isAdded(config, 'email')
}

/**
 * A folder of files where none is configured.
 *
 * @throws BrokenError `bad_configuration` for a name in EMAIL_PROVIDERS that has no settings, and for a half of them.
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
