// What a template may call: amounts and instants as people of a locale read them, and a comparison.

interface Formats {
  money: Intl.NumberFormat
  moment: Intl.DateTimeFormat
}

/** Building a formatter costs fifty times what using it does. There are few locales and fewer currencies. */
const built = new Map<string, Formats>()

function formatsIn(locale: string, currency: string): Formats {
  const key = `${locale} ${currency}`
  const known = built.get(key)
  if (known) return known
  const formats = {
    money: new Intl.NumberFormat(locale, { style: 'currency', currency }),
    moment: new Intl.DateTimeFormat(locale, {
      day: 'numeric',
      month: 'long',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      timeZone: 'UTC',
      timeZoneName: 'short',
    }),
  }
  built.set(key, formats)
  return formats
}

interface Call {
  data: { locale: string; currency: string }
}

export const formats = {
  money: (cents: number, { data }: Call) => formatsIn(data.locale, data.currency).money.format(cents / 100),
  moment: (instant: string, { data }: Call) => formatsIn(data.locale, data.currency).moment.format(Date.parse(instant)),
  eq: (one: unknown, other: unknown) => one === other,
}

/** What each takes and gives, for the check at start. */
export const signatures: Record<keyof typeof formats, { takes: string[]; gives: string }> = {
  money: { takes: ['integer'], gives: 'string' },
  moment: { takes: ['string'], gives: 'string' },
  eq: { takes: ['string', 'string'], gives: 'boolean' },
}
