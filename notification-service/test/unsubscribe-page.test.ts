// The pages behind a mail's link: in the words and colours of the templates, and never more than text of what they are given.
import { BrokenError } from '@orders/shared/runtime'
import { expect, it } from 'vitest'
import { unsubscribePages } from '../rules/unsubscribe-page.ts'
import { files } from './templates.ts'

it('have every word in every language that mails are in, and the looks of the mails', () => {
  const theme = { ...JSON.parse(files['theme.json'] ?? ''), brand: 'Café & Co', card: '#123456' }
  const pages = unsubscribePages({ ...files, 'theme.json': JSON.stringify(theme) })
  for (const locale of ['en', 'de', 'de-CH', 'fr', undefined])
    for (const page of [pages.question('tips', locale), pages.done('tips', locale)]) {
      expect(page).toContain(`<html lang="${locale?.startsWith('de') ? 'de' : 'en'}">`)
      expect(page).toContain('#123456')
      expect(page).toContain('Caf\u00e9 &#38; Co</header>')
      expect(page).toContain('<strong>tips</strong>')
      expect(page).not.toMatch(/undefined|null|\{category\}/)
    }
  for (const page of [pages.done('tips', 'en'), pages.noLink()]) expect(page).not.toContain('<form')
})

it('show a category as text, whatever it is called', () => {
  const page = unsubscribePages(files).question('$& <script>"x"</script>', 'en')
  expect(page).toContain('<strong>$&#38; &#60;script&#62;&#34;x&#34;&#60;/script&#62;</strong>')
  expect(page).not.toContain('<script')
})

it('stop the service where a word or a colour is missing, and name it', () => {
  const without = (path: string, name: string) => {
    const { [name]: _, ...texts } = JSON.parse(files[path] ?? '')
    return { ...files, [path]: JSON.stringify(texts) }
  }
  expect(() => unsubscribePages(without('words/de.json', 'leaving'))).toThrow(/words\/de\.json lacks leaving/)
  expect(() => unsubscribePages(without('theme.json', 'good'))).toThrow(BrokenError)
})
