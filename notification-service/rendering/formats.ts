// The functions that a template may call: they format amounts, counts and times for a locale, and compare texts.
import { moneyFormat } from '@orders/shared/contracts'

/** How one message writes amounts and times. */
export interface Manner {
  /** BCP 47, for dates and numbers. */
  region: string
  /** ISO 4217. */
  currency: string
  /** IANA. */
  timeZone: string
  /** Whether times have 24 hours whatever the locale says, as in messages of earlier versions. */
  has24Hours: boolean
}

interface Formats {
  money(minorUnits: number): string
  number(count: number): string
  moment(instant: string): string
}

/**
 * Building a formatter costs fifty times as much as using it. There are few locales, and few currencies and time zones.
 */
const built = new Map<string, Formats>()

/** A customer's time zone is input, so the number of kept formatters is limited. */
const BUILT_MAX = 2_000

function formatsIn(manner: Manner): Formats {
  const key = Object.values(manner).join(' ')
  const known = built.get(key)
  if (known) return known
  if (built.size >= BUILT_MAX) built.clear()
  const { region, currency } = manner
  const number = new Intl.NumberFormat(region)
  const formats = {
    money: moneyFormat(region, currency),
    number: (count: number) => number.format(count),
    moment: momentIn(manner),
  }
  built.set(key, formats)
  return formats
}

/**
 * Names the zone in short form, such as `CET`. If the locale has only an offset for it, uses the long name, which also
 * tells summer from winter time.
 */
function momentIn({ region, timeZone, has24Hours }: Manner): (instant: string) => string {
  const zoneNamed = (timeZoneName: 'short' | 'long') =>
    new Intl.DateTimeFormat(region, {
      day: 'numeric',
      month: 'long',
      year: 'numeric',
      hour: has24Hours ? '2-digit' : 'numeric',
      minute: '2-digit',
      ...(has24Hours && { hourCycle: 'h23' }),
      timeZone,
      timeZoneName,
    })
  const short = zoneNamed('short')
  const long = zoneNamed('long')
  return (instant) => {
    const time = Date.parse(instant)
    const zone = short.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    return (/^GMT[+-\u2212]/.test(zone) ? long : short).format(time)
  }
}

interface Call {
  data: { manner: Manner }
}

export const formats = {
  money: (minorUnits: number, { data }: Call) => formatsIn(data.manner).money(minorUnits),
  number: (count: number, { data }: Call) => formatsIn(data.manner).number(count),
  moment: (instant: string, { data }: Call) => formatsIn(data.manner).moment(instant),
  eq: (one: unknown, other: unknown) => one === other,
}

/** The types that each function takes and returns, for the check at start. */
export const signatures: Record<keyof typeof formats, { takes: string[]; gives: string }> = {
  money: { takes: ['integer'], gives: 'string' },
  number: { takes: ['integer'], gives: 'string' },
  moment: { takes: ['string'], gives: 'string' },
  eq: { takes: ['string', 'string'], gives: 'boolean' },
}
