// Which language somebody is written to in.
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
