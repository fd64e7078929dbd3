// The service's own settings for the rules, read once from the configuration.
import { BrokenError } from '@orders/shared/runtime'
import type { PhoneCountry } from '../canonical-addresses.ts'
import type { NotificationConfig } from '../config.ts'
import type { Style } from '../content.ts'
import { isTimeZone } from '../customers/domain.ts'
import type { Reaches } from '../domain.ts'
import type { Rendering } from '../rendering/http.ts'
import type { Course } from '../timelines/domain.ts'
import type { RuleSettings } from './plan.ts'
import { parseQuietHours } from './quiet-hours.ts'
import type { UnsubscribeSettings } from './unsubscribe.ts'

/** What taking in and releasing notifications needs. */
export interface Terms extends Rendering {
  style: Style
  settings: RuleSettings
  unsubscribe: UnsubscribeSettings
  reaches: Reaches
  course: Course
  phoneCountry: PhoneCountry
}

/**
 * `inventedDomain`: domain of made-up addresses.
 *
 * @throws BrokenError `bad_configuration` for an unknown time zone, and for settings that need each other.
 */
export function ruleSettingsOf(config: NotificationConfig, inventedDomain: string | undefined): RuleSettings {
  const { timeZone, quietHours, unsubscribeUrl, unsubscribeSecret } = config
  if (!isTimeZone(timeZone))
    throw new BrokenError('bad_configuration', `configuration: TIME_ZONE: ${timeZone} is not an IANA time zone`)
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
      defaultEmailDomain: inventedDomain,
    },
    digestMs: config.digestSeconds * 1_000,
    digested: namesIn(config.digestCategories ?? ''),
  }
}

function namesIn(list: string): ReadonlySet<string> {
  return new Set(list.split(',').filter((name) => name !== ''))
}
