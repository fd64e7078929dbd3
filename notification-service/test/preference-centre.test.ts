// The pages behind a mail's link: in the words and colours of the templates, and never more than text of what they are given.
import { BrokenError } from '@orders/shared/runtime'
import { expect, it } from 'vitest'
import { choicesIn, choicesOf, withChoices } from '../preference-centre/choices.ts'
import { type Centre, centrePages } from '../preference-centre/page.ts'
import { files } from './templates.ts'

const choices = choicesOf(
  { categories: { offers: { sms: false } } },
  { categories: ['offers', 'tips'], channels: ['email', 'sms'] },
  new Set(['tips']),
)
const centre: Centre = { category: 'offers', locale: 'en', choices }

it('is in every language that mails are in, with names that people read, in the looks of the mails', () => {
  const theme = { ...JSON.parse(files['theme.json'] ?? ''), brand: 'Café & Co', card: '#123456', darkCard: '#654321' }
  const pages = centrePages({ ...files, 'theme.json': JSON.stringify(theme) })
  for (const locale of ['en', 'de', 'de-CH', 'fr', undefined])
    for (const what of [undefined, 'saved', 'left', 'undone'] as const) {
      const page = pages.centre({ ...centre, locale, ...(what && { done: { what, before: choices } }) })
      const isGerman = locale?.startsWith('de')
      expect(page).toContain(`<html lang="${isGerman ? 'de' : 'en'}">`)
      expect(page).toContain(`<legend>${isGerman ? 'Angebote' : 'Offers'}</legend>`)
      expect(page).toContain('Caf\u00e9 &#38; Co</header>')
      for (const colour of ['#123456', '#654321']) expect(page).toContain(colour)
      expect(page).not.toMatch(/undefined|null|\{category\}|<script/)
    }
  expect(pages.noLink()).not.toContain('<form')
})

it('shows a category as text, whatever it is called, and in a readable form where it has no name', () => {
  const pages = centrePages(files)
  const named = (category: string) => {
    const shown = choicesOf({ categories: {} }, { categories: [category], channels: ['email'] }, new Set())
    return pages.centre({ category, locale: 'en', choices: shown })
  }
  expect(named('<script>$&')).toContain('<legend>&#60;script&#62;$&#38;</legend>')
  expect(named('<script>$&')).not.toContain('<script')
  expect(named('spring_sale-2026')).toContain('Unsubscribe from Spring sale 2026')
})

it('ticks what one gets today', () => {
  const ticked = [
    ...centrePages(files)
      .centre(centre)
      .matchAll(/name="([^"]+)" value="on" checked/g),
  ]
  expect(ticked.map(([, field]) => field)).toEqual(['offers/email', 'tips/email', 'tips/sms', 'tips/digest'])
})

it('keeps of a form what it showed, and the way back leaves nothing behind', () => {
  const before = { categories: { offers: { sms: false } } }
  const shown = 'offers/email offers/sms tips/email tips/digest constructor/email'
  const wanted = choicesIn({ shown, 'offers/sms': 'on', 'tips/email': 'on', 'order/email': 'on' }, choices) ?? []
  const after = withChoices(before, wanted, new Set(['tips']))
  expect(after.categories).toEqual({ offers: { email: false }, tips: { digest: false } })
  expect(withChoices(after, choices, new Set(['tips']))).toEqual(before)
})

it('is no form of the preference centre that names nothing shown', () => {
  expect(choicesIn({ 'List-Unsubscribe': 'One-Click' }, choices)).toBeUndefined()
})

it('stops the service where a word or a colour is missing, and names it', () => {
  const without = (path: string, name: string) => {
    const { [name]: _, ...texts } = JSON.parse(files[path] ?? '')
    return { ...files, [path]: JSON.stringify(texts) }
  }
  expect(() => centrePages(without('centre/de.json', 'undo'))).toThrow(/centre\/de\.json lacks undo/)
  expect(() => centrePages(without('theme.json', 'darkCard'))).toThrow(BrokenError)
})
