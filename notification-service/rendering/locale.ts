// Which language somebody is written to in, and how dates and numbers are written for them.
export const DEFAULT_LOCALE = 'en'

/** `de-AT` → `de` → `en`: the lookup of RFC 4647, section 3.4. */
export function localeFor(wanted: string | null, available: readonly string[]): string {
  const subtags = (wanted ?? '').split('-')
  for (let length = subtags.length; length > 0; length--) {
    const range = subtags.slice(0, length).join('-').toLowerCase()
    const found = available.find((locale) => locale.toLowerCase() === range)
    if (found !== undefined) return found
  }
  return DEFAULT_LOCALE
}

/** `de-CH` where the words are German: dates, numbers and amounts in exactly the asked locale. Otherwise those of the words. */
export function regionFor(wanted: string | null, wordsLocale: string): string {
  if (wanted === null) return wordsLocale
  try {
    const [asked = wordsLocale] = Intl.getCanonicalLocales(wanted)
    return new Intl.Locale(asked).language === new Intl.Locale(wordsLocale).language ? asked : wordsLocale
  } catch {
    // Our pattern lets through what is no tag, `de-x` for example.
    return wordsLocale
  }
}
