// What mail programs make of the mails: by caniemail's data what each of them leaves out, and by the mails themselves what a
// screen reader and a reader of the text part get.
import { doIUseEmail } from '@jsx-email/doiuse-email'
import { expect, it } from 'vitest'
import { completed } from '../content.ts'
import { templates } from '../templates/schemas.ts'
import { set } from './templates.ts'

const LINK = 'https://notify.example.com/unsubscribe/abc'
const all = [...templates].flatMap(([template, { data, sample }]) =>
  ['en-GB', 'de-CH'].map((locale) => {
    const given = completed(data, sample)
    const words = { template, version: set.version, locale, currency: 'EUR', timeZone: 'Europe/Vienna', data: given }
    return { template, locale, ...set.render(words, LINK) }
  }),
)

/** What a program leaves out, and why the mail is whole without it. */
const LEFT_OUT: Record<string, string> = {
  '@media': 'the mail is light and as wide as its window',
  'border-radius': 'corners are square',
  'display:none': 'the first line of the list of mails stands above the mail, too',
  '<body> element': 'its colour is on the outermost table as well',
  'aria-label attribute': 'the heading says the same',
  'role attribute': 'a layout table is read as a table of one column',
  'max-width': 'the table of 600 pixels around it, for Outlook alone, holds the width',
}

it.each([
  'outlook.windows',
  'outlook.macos',
  'outlook.ios',
  'gmail.desktop-webmail',
  'gmail.ios',
  'gmail.android',
  'apple-mail.macos',
  'apple-mail.ios',
  'yahoo.desktop-webmail',
] as const)('%s leaves nothing out that the mail needs', (client) => {
  const missing = all.flatMap(({ html }) => {
    const result = doIUseEmail(html, { emailClients: [client] })
    return result.success ? [] : result.errors.map((error) => /^`(.+?)` is not supported/.exec(error)?.[1] ?? error)
  })
  expect([...new Set(missing)].filter((feature) => !(feature in LEFT_OUT))).toEqual([])
})

it('tables are for layout and say so, but the one of the goods, whose heads belong to columns and rows', () => {
  for (const { html, template } of all) {
    const flat = html.replace(/\s+/g, ' ')
    const tables = flat.match(/<table\b[^>]*>/g) ?? []
    const own = tables.filter(
      (table) => !table.includes('role=3D"presentation"') && !table.includes('role="presentation"'),
    )
    expect(own.length, template).toBe(flat.includes('<th ') ? 1 : 0)
    for (const [head] of flat.matchAll(/<th\b[^>]*>/g)) expect(head).toMatch(/scope="(col|row)"/)
  }
})

it('has one first heading and then second ones, a language and a text for each picture', () => {
  for (const { html, locale, template } of all) {
    const flat = html.replace(/\s+/g, ' ')
    const levels = [...flat.matchAll(/<h([1-6])\b/g)].map(([, level]) => level)
    expect(levels[0], template).toBe('1')
    expect(new Set(levels.slice(1)), template).toEqual(new Set(levels.length > 1 ? ['2'] : []))
    expect(flat).toContain(`<html lang="${locale}">`)
    for (const [image] of flat.matchAll(/<img\b[^>]*>/g)) expect(image).toMatch(/ alt="[^"]/)
  }
})

it('says in its text part all that its HTML says, links included', () => {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ', times: '×' }
  const decoded = (html: string) =>
    html
      .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
      .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
      .replace(/&([a-z]+);/g, (_, name) => named[name] ?? '')
  const wordsOf = (text: string): string[] => text.match(/[\p{Letter}\p{Number}]+/gu) ?? []
  for (const { html, text, template, locale } of all) {
    const body = html.slice(html.indexOf('role="article"')).replace(/^[^>]*>/, '')
    const shown = wordsOf(decoded(body.replace(/<!--[\s\S]*?-->/g, '').replace(/<[^>]*>/g, ' ')))
    const said = new Set(wordsOf(text))
    const lacking = shown.filter((word) => !said.has(word))
    expect(lacking, `${template} ${locale}`).toEqual([])
    const links = [...decoded(html).matchAll(/href="([^"]+)"/g)].map(([, url = '']) => url)
    expect(
      links.filter((url) => !text.includes(url)),
      template,
    ).toEqual([])
  }
})
