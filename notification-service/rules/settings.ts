// What the rules follow where a customer has not decided otherwise: the service's configuration, read once.
import { BrokenError } from '@orders/shared/runtime'
import type { Reaches } from '../channels/domain.ts'
import type { NotificationConfig } from '../config.ts'
import type { NewsStyle } from '../domain.ts'
import type { RuleSettings } from '../holding/domain.ts'
import type { Rendering } from '../rendering/http.ts'
import { isTimeZone, parseQuietHours } from './quiet-hours.ts'
import type { UnsubscribeSettings } from './unsubscribe.ts'

/** What notifications are taken in and released by. */
export interface Terms extends Rendering {
  style: NewsStyle
  settings: RuleSettings
  unsubscribe: UnsubscribeSettings
  reaches: Reaches
}

/** @throws BrokenError `bad_configuration` for what only together makes no sense. */
export function ruleSettingsOf(config: NotificationConfig): RuleSettings {
  const { timeZone, quietHours, unsubscribeUrl, unsubscribeSecret } = config
  if (!isTimeZone(timeZone))
    throw new BrokenError('bad_configuration', `configuration: TIME_ZONE: ${timeZone} is no IANA time zone`)
  if ((unsubscribeUrl === undefined) !== (unsubscribeSecret === undefined))
    throw new BrokenError('bad_configuration', 'configuration: UNSUBSCRIBE_URL and UNSUBSCRIBE_SECRET need each other')
  return {
    transactional: namesIn(config.transactionalCategories),
    quietHours: quietHours === undefined ? undefined : parseQuietHours(quietHours),
    timeZone,
    throttle: { max: config.throttleMax, windowMs: config.throttleSeconds * 1_000 },
    throttlesTransactional: config.throttleTransactional,
    contacts: {
      addressesPerCustomer: config.contactAddressesPerHour,
      ordersPerAddress: config.contactOrdersPerHour,
      defaultEmailDomain: config.defaultEmailDomain,
    },
    digestMs: config.digestSeconds * 1_000,
    digested: namesIn(config.digestCategories ?? ''),
  }
}

function namesIn(list: string): ReadonlySet<string> {
  return new Set(list.split(',').filter((name) => name !== ''))
}
