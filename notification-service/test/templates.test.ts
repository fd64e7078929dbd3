// Templates: what they say in which language, and that one which does not fit its data never gets past the start.
import { describe, expect, it } from 'vitest'
import { completed, type Data, plainWords, type Words } from '../content.ts'
import { newsWords } from '../orders/words.ts'
import { checkTemplates } from '../rendering/check.ts'
import { localeFor } from '../rendering/locale.ts'
import type { TemplateFiles } from '../rendering/template-files.ts'
import { compileTemplates } from '../rendering/template-set.ts'
import { withHistory } from '../rendering/templates.ts'
import { type OrderTemplate, orderTemplates, templates } from '../templates/schemas.ts'
import { files, set, style } from './templates.ts'

const names = Object.keys(orderTemplates) as OrderTemplate[]
const wordsOf = (template: OrderTemplate, given: Data = {}, locale: string | null = null, manner = {}): Words => {
  const { data, sample } = orderTemplates[template]
  const of = { template, version: set.version, locale, currency: 'EUR', timeZone: 'UTC', ...manner }
  return { ...of, data: completed(data, { ...sample, ...given }) }
}

it('has every order template in English and German', () => {
  expect(names.map((name) => [name, [...(set.locales.get(name) ?? [])].sort()])).toEqual(
    names.map((name) => [name, ['de', 'en']]),
  )
})

it('writes to people in their language, the nearest one there is', () => {
  const subjects = ['de', 'de-AT', 'DE-ch', 'fr', null].map((locale) => set.subject(wordsOf('order.paid', {}, locale)))
  const [german, english] = ['Bestellung 2026-1107 ist bezahlt', 'Order 2026-1107 is paid']
  expect(subjects).toEqual([german, german, german, english, english])
  expect(localeFor('zh-Hant-TW', ['en', 'zh', 'zh-Hant'])).toBe('zh-Hant')
})

it.each(['en-GB', 'de-AT'])('in %s what costs nothing has its price, in every part', (locale) => {
  const free = {
    lines: [{ sku: 'item1', name: 'Sticker', quantity: 1, unitPriceCents: 0, totalCents: 0 }],
    totalCents: 0,
  }
  const { text, html, short } = set.render(wordsOf('order.created', free, locale))
  const amounts = (part: string) => part.match(/(?:€|&#8364;)(?:\s|&nbsp;|&#160;)?0[.,]00/g)?.length ?? 0
  expect([amounts(text), amounts(html), amounts(short)]).toEqual([3, expect.any(Number), 1])
  expect(amounts(html)).toBeGreaterThanOrEqual(3)
})

it('what somebody wrote has its paragraphs, whatever its lines end with', () => {
  const lines = ['Ann Berger', 'Lindengasse 12', '', 'Bye']
  const written = ['\n', '\r\n', '\r'].map((end) => plainWords('Hello', lines.join(end), {}, style).data.paragraphs)
  expect(written).toEqual(Array(3).fill([['Ann Berger', 'Lindengasse 12'], ['Bye']]))
})

it('an id that its client has chosen leads nowhere, and the link to the order still does', () => {
  const told = { user: 'ann', priority: 'standard' as const }
  const words = newsWords('order.paid', 'win-500.evil.example', told, {
    ...style,
    orderUrl: 'https://shop.test/{orderId}',
  })
  const { subject, text, html } = set.render(words)
  for (const part of [subject, text.replaceAll('https://shop.test/win-500.evil.example', '')])
    expect(part).not.toMatch(/evil\.example/)
  expect(html.replaceAll('https://shop.test/win-500.evil.example', '')).not.toMatch(/evil\.example/)
  expect(text).toContain('https://shop.test/win-500.evil.example')
  expect(newsWords('order.paid', 'A-1.2', told, style).data.orderId).toBe('A-1.2')
})

it('an address in a mail leads nowhere', () => {
  const told = {
    user: 'ann',
    priority: 'standard' as const,
    shippingAddress: 'Claim it at evil.example/x\r\nStr. des 17.Juni 3',
  }
  const { text } = set.render(newsWords('order.paid', '1', told, style))
  expect(text).toContain('Claim it at evil. example/x')
  expect(text).toContain('Str. des 17. Juni 3')
})

describe('dates and amounts', () => {
  const blanks = (text: string) => text.replace(/\s/gu, ' ')
  const short = (locale: string, manner: Partial<Words> = {}) =>
    blanks(set.render(wordsOf('payment.confirmation_required', {}, locale, manner)).short)
  const vienna = { timeZone: 'Europe/Vienna' }

  it.each([
    ['en', vienna, '€1,074.50', 'November 21, 2026 at 7:30 PM Central European Standard Time'],
    ['en-US', { timeZone: 'America/New_York', currency: 'USD' }, '$1,074.50', 'November 21, 2026 at 1:30 PM EST'],
    ['en-GB', vienna, '€1,074.50', '21 November 2026 at 19:30 CET'],
    ['de', vienna, '1.074,50 €', '21. November 2026 um 19:30 MEZ'],
    ['de-AT', vienna, '€ 1.074,50', '21. November 2026 um 19:30 MEZ'],
    ['de-CH', { timeZone: 'Europe/Zurich', currency: 'CHF' }, 'CHF 1.074.50', '21. November 2026 um 19:30 MEZ'],
    ['en', { timeZone: 'Asia/Tokyo', currency: 'JPY' }, '¥107,450', 'November 22, 2026 at 3:30 AM Japan Standard Time'],
    [
      'en',
      { timeZone: 'Asia/Kuwait', currency: 'KWD' },
      'KWD 107.450',
      'November 21, 2026 at 9:30 PM Arabian Standard Time',
    ],
    // Digits of ISO 4217, whatever notes and coins there are.
    ['en', { timeZone: 'UTC', currency: 'HUF' }, 'HUF 1,074.50', 'November 21, 2026 at 6:30 PM UTC'],
    ['en', { timeZone: 'UTC', currency: 'IQD' }, 'IQD 107.450', 'November 21, 2026 at 6:30 PM UTC'],
    // Words of the nearest language there is, and its formats: no French date in an English sentence.
    ['fr-CA', vienna, '€1,074.50', 'November 21, 2026 at 7:30 PM Central European Standard Time'],
    ['de-x', vienna, '1.074,50 €', '21. November 2026 um 19:30 MEZ'],
  ])('are those of %s, in the currency’s own digits and on the reader’s clock', (locale, manner, amount, moment) => {
    expect(short(locale, manner)).toMatch(new RegExp(amount.replace(/[$.]/g, (sign) => (sign === '.' ? '.' : '\\$'))))
    expect(short(locale, manner)).toContain(moment)
  })

  it.each(['en', 'en-US', 'en-IN', 'en-GB', 'de-AT'])('in %s the hour that comes twice is told apart', (locale) => {
    const at = (confirmBefore: string) =>
      set.render(wordsOf('payment.confirmation_required', { confirmBefore }, locale, vienna)).short
    expect(at('2026-10-25T00:30:00.000Z')).not.toBe(at('2026-10-25T01:30:00.000Z'))
  })

  it('of what was kept before there were zones are as they were', () => {
    const { timeZone: _, ...older } = wordsOf('payment.confirmation_required', {}, 'en-GB')
    expect(blanks(set.render(older).short)).toContain('€1,074.50 for order 2026-1107 by November 21, 2026 at 18:30 UTC')
  })

  it('are in a frame that names the asked locale to a screen reader', () => {
    expect(set.render(wordsOf('order.paid', {}, 'de-CH')).html).toContain('<html lang="de-CH">')
  })
})

describe.each(names)('%s', (name) => {
  it.each(['en', 'de'])('in %s is a mail that needs no quoting, and words for every channel', (locale) => {
    const { subject, short, text, html } = set.render(wordsOf(name, {}, locale))
    expect(html).toMatch(new RegExp(`^<!doctype html>\\n<html lang="${locale}">`))
    expect(html.split('\n').filter((line) => line.length > 76)).toEqual([])
    expect(html).not.toMatch(/[^\n\x20-\x7e]/)
    expect([subject, short].filter((line) => line === '' || line.includes('\n'))).toEqual([])
    expect(text).not.toMatch(/<|\{\{|undefined|null|NaN/)
    expect(html).not.toMatch(/\{\{|undefined|null|NaN/)
  })
})

it('escapes in HTML what customers call themselves, and nowhere else', () => {
  const name = '<script>alert("x")</script> & {{orderId}}'
  const { html, text } = set.render(newsWords('order.created', '1', { user: 'x', name, priority: 'standard' }, style))
  expect(html.replace(/\s+/g, ' ')).toContain(
    'Hello &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; {{orderId}},',
  )
  expect(html).not.toContain('<script')
  expect(text).toContain(`Hello ${name},`)
})

it('every mail ends with its link for unsubscribing, in its language, where it has one', () => {
  const link = 'https://notify.example.com/unsubscribe/abc.def?a=1&b=2'
  for (const [name, { data, sample }] of templates)
    for (const [locale, word] of [
      ['en', 'Unsubscribe'],
      ['de', 'Abbestellen'],
    ] as const) {
      const words = { template: name, version: set.version, locale, currency: 'EUR', data: completed(data, sample) }
      const { text, html } = set.render(words, link)
      expect(text.trimEnd().split('\n').at(-1)).toBe(`${word}: ${link}`)
      const shown = html.replace(/\s+/g, ' ').replaceAll('&#x3D;', '=').replaceAll('&amp;', '&')
      expect(shown).toContain(`<a class="muted" href="${link}" style=`)
      expect(shown).toContain(`>${word}</a>`)
      const without = set.render(words)
      expect(without.text + without.html).not.toMatch(/unsubscribe|abbestellen/i)
    }
})

it('has no line break in a subject, whatever the data', () => {
  const subject = set.subject(wordsOf('order.paid', { orderId: '1\r\nBcc: everybody@example.com\u2028x' }))
  expect(subject).toBe('Order 1 Bcc: everybody@example.com x is paid')
})

it('says the same to the letter after the templates changed', async () => {
  const words = wordsOf('order.paid')
  const changed = compileTemplates({ ...files, 'order.paid/en/subject.hbs': 'Something else' })
  const templatesLater = withHistory(changed, async (version) => (version === set.version ? files : undefined))
  expect(await templatesLater.render(words)).toEqual(set.render(words))
  expect(await templatesLater.subject({ ...words, version: changed.version })).toBe('Something else')
  await expect(templatesLater.render({ ...words, version: 'lost' })).rejects.toMatchObject({
    code: 'no_such_templates',
  })
})

it('shows in a list the item’s own field, not what the file around it was given', () => {
  const given = compileTemplates({
    ...files,
    'order.paid/en/short.hbs': '{{> all sku="given"}}',
    'order.paid/en/all.hbs': '{{sku}}:{{#each lines}} {{sku}}{{/each}}',
  })
  expect(given.render(wordsOf('order.paid')).short).toBe('given: espresso-cup moka-pot-6')
})

describe('the check at start', () => {
  const check = (changed: TemplateFiles) => () => checkTemplates(compileTemplates({ ...files, ...changed }), templates)

  it('passes what is there', () => {
    expect(check({})).not.toThrow()
  })

  const html = 'order.paid/en/html.hbs'
  const faults: [string, TemplateFiles, string][] = [
    ['a typo', { [html]: 'x\n{{oderId}}' }, `${html}:2 {{oderId}} is not in the schema; there is orderId, name,`],
    ['a typo in a branch', { [html]: '{{#if name}}{{nmae}}{{/if}}' }, `${html}:1 {{nmae}} is not in the schema`],
    ['a typo in a list', { [html]: '{{#each lines}}\n{{skuu}}{{/each}}' }, `${html}:2 {{skuu}} is not in the schema`],
    ['a field of the order in a list', { [html]: '{{#each lines}}{{orderId}}{{/each}}' }, '{{orderId}} is not in the'],
    [
      'a typo in a partial',
      { 'partials/html/lines.hbs': '\n\n{{totl}}' },
      'partials/html/lines.hbs:3 {{totl}} is not in the schema; there is orderId, name, orderUrl, lines, totalCents, address (order.created)',
    ],
    [
      'an unknown word',
      { [html]: '{{@words.hallo}}' },
      `${html}:1 {{@words.hallo}} is not in the schema; there is hello,`,
    ],
    [
      'what may be missing',
      { [html]: '{{name}}' },
      `${html}:1 {{name}} may be missing: show it only inside {{#if name}}`,
    ],
    ['an amount that may be missing', { [html]: '{{money totalCents}}' }, '{{totalCents}} may be missing'],
    [
      'a link that may be missing',
      { [html]: '{{@unsubscribe}}' },
      '{{@unsubscribe}} may be missing: show it only inside',
    ],
    ['the wrong branch', { [html]: '{{#unless name}}{{name}}{{/unless}}' }, '{{name}} may be missing'],
    ['a text as an amount', { [html]: '{{money orderId}}' }, '{{money orderId}} needs integer, not string'],
    ['a list as a text', { [html]: '{{lines}}' }, '{{lines}} is an array, not a text'],
    ['a text as a list', { [html]: '{{#each orderId}}x{{/each}}' }, '{{#each orderId}} needs a list'],
    ['what is not escaped', { [html]: '{{{orderId}}}' }, '{{{orderId}}} is not escaped'],
    ['a prototype', { [html]: '{{constructor}}' }, '{{constructor}} is not in the schema'],
    [
      'an unknown helper',
      { [html]: '{{shout orderId}}' },
      '{{shout …}} is unknown; there is money, number, moment, eq',
    ],
    ['an unknown block', { [html]: '{{#with lines}}x{{/with}}' }, '{{#with}} is unknown'],
    ['a way out of the top', { [html]: '{{../orderId}}' }, '{{../orderId}} leads nowhere'],
    ['an unknown partial', { [html]: 'x\n\n{{> foter}}' }, `${html}:3 {{> foter}} is unknown`],
    [
      'a partial that includes itself',
      { 'partials/html/address.hbs': '{{> address}}' },
      '{{> address}} includes itself',
    ],
    ['a layout without what it frames', { [html]: '{{> layout}}' }, '{{> @partial-block}} has nothing to show'],
    ['no Handlebars', { [html]: '{{#if name}}' }, `${html}: Parse error on line 1`],
    [
      'a comparison that is never true',
      { 'order.cancelled/de/why.hbs': '{{#if (eq reason "decline")}}x{{/if}}' },
      'order.cancelled/de/why.hbs:1 {{eq}} is never true: decline is not one of out_of_stock, declined,',
    ],
    [
      'a part that is missing',
      { 'order.paid/fr/subject.hbs': 'x', 'words/fr.json': '{}' },
      'order.paid/fr/mail.hbs is missing',
    ],
    ['a locale without words', { 'order.paid/fr/subject.hbs': 'x' }, 'words/fr.json is missing'],
    [
      'a locale that is none',
      { 'order.paid/franz_/subject.hbs': 'x' },
      'order.paid/franz_/ is not a BCP 47 language tag',
    ],
    ['a template without a schema', { 'order.lost/en/subject.hbs': 'x' }, 'order.lost/en/ belongs to no schema'],
    ['an empty subject', { 'order.paid/en/subject.hbs': '' }, 'order.paid/en/ has no subject'],
  ]
  it.each(faults)('refuses %s', (_, changed, message) => {
    let thrown: unknown
    try {
      check(changed)()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      name: 'BrokenError',
      code: 'template_broken',
      message: expect.stringContaining(message),
    })
  })

  it('refuses a template that is not there, and tells of all faults at once', () => {
    const { 'order.paid/en/subject.hbs': _, ...rest } = files
    const broken = compileTemplates({ ...rest, 'order.shipped/de/text.hbs': '{{a}}{{b}}' })
    expect(() => checkTemplates(broken, templates)).toThrow(
      /^templates: order\.paid\/en\/subject\.hbs is missing; .*\{\{a\}\} is not in the schema.*; .*\{\{b\}\} is not in/,
    )
    const declared = new Map([...templates, ['order.lost', orderTemplates['order.paid']] as const])
    expect(() => checkTemplates(set, declared)).toThrow('order.lost/en/ is missing')
  })
})
