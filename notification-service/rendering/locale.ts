// Chooses the language of a message and the locale of its dates and numbers.
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

/**
 * Dates, numbers and amounts follow the requested locale exactly if it has the language of the words: `de-CH` for
 * German words. Otherwise they follow the locale of the words.
 */
export function regionFor(wanted: string | null, wordsLocale: string): string {
  if (wanted === null) return wordsLocale
  try {
    const [asked = wordsLocale] = Intl.getCanonicalLocales(wanted)
    return new Intl.Locale(asked).language === new Intl.Locale(wordsLocale).language ? asked : wordsLocale
  } catch {
    // The schema's pattern also accepts invalid tags, for example `de-x`.
    return wordsLocale
  }
}
