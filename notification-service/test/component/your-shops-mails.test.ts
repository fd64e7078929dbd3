// docs/your-shops-mails.md: its settings and commands are tried, and its files take the place of the service's own.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import PostalMime from 'postal-mime'
import { expect, it } from 'vitest'
import { completed } from '../../content.ts'
import { checkTemplates } from '../../rendering/check.ts'
import { compileTemplates } from '../../rendering/template-set.ts'
import { newsTemplates, templates } from '../../templates/schemas.ts'
import { openServices } from '../running.ts'
import { files } from '../templates.ts'
import { pageOf } from './docs-page.ts'

const page = pageOf('your-shops-mails.md')
const blockOf = (language: string, text: string) =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text)?.[1] ?? ''

it('has settings and a command that make a mail the shop’s own', async () => {
  const settings = blockOf('env', page.text)
    .trim()
    .split('\n')
    .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  const { running, mails, folder } = await openServices({ env: Object.fromEntries(settings) })
  const url = running[0]?.url ?? ''
  await page.expectAnswers(url)
  const [name = ''] = await eventually('the mail is written', async () => {
    const written = await mails()
    return written.length > 0 && written
  })
  const mail = await PostalMime.parse(await readFile(join(folder, 'mail', name)))
  expect(mail.from).toMatchObject({ name: 'Café Móka', address: 'orders@moka.example' })
  expect(mail.replyTo?.[0]?.address).toBe('help@moka.example')
  for (const said of [
    'Guten Tag Ann,',
    'Alpenpost',
    '€\u00a034,90',
    'FN 123456a',
    'Antworten Sie einfach',
    'https://parcel.example/AP1234',
  ])
    expect(mail.text).toContain(said)
  expect((await fetch(`${url}/templates/preview?locale=de-CH`)).status).toBe(200)
})

it('has a theme and words that pass the check at start, and are seen', () => {
  const theme = {
    ...JSON.parse(files['theme.json'] ?? ''),
    ...JSON.parse(blockOf('json', page.text.slice(page.text.indexOf('theme.json')))),
  }
  const changed = {
    ...files,
    'theme.json': JSON.stringify(theme),
    'order.created/en/mail.hbs': blockOf('hbs', page.text),
  }
  const set = compileTemplates(changed)
  expect(() => checkTemplates(set, templates)).not.toThrow()
  const { data, sample } = newsTemplates['order.created']
  const words = { template: 'order.created', version: set.version, locale: 'en', currency: 'EUR', timeZone: 'UTC' }
  const { html, text } = set.render({ ...words, data: completed(data, sample) })
  for (const said of ['#9a3412', 'we roast on Tuesdays']) expect(html.replace(/\s+/g, ' ')).toContain(said)
  expect(html.replace(/\s+/g, ' ')).toMatch(
    /<img src="https:\/\/moka\.example\/logo\.png" width="120" alt="Caf\S+ M\S+ka"/,
  )
  expect(text).toContain('Thank you! We have put the kettle on')
})
