// The pages that somebody sees who follows a mail's link for unsubscribing: a question with a button, and the answer; or that
// the link is none of ours. In the mail's language, and in its looks: the words, brand and colours are those of the templates.
import { BrokenError } from '@orders/shared/runtime'
import { localeFor } from '../rendering/locale.ts'
import { type TemplateFiles, textsOf } from '../rendering/template-files.ts'

export interface UnsubscribePages {
  /** The category is shown as it is called; the locale is the mail's. */
  question(category: string, locale: string | undefined): string
  done(category: string, locale: string | undefined): string
  /** Nobody knows whose link it was meant to be, so it is in the default language. */
  noLink(): string
}

const WORDS = ['unsubscribe', 'leave', 'leaving', 'left', 'leftBehind', 'noLink', 'noLinkHelp'] as const
const COLOURS = ['page', 'card', 'rule', 'ink', 'text', 'muted', 'plain', 'good'] as const
type Words = Record<(typeof WORDS)[number], string>
type Theme = Record<(typeof COLOURS)[number] | 'brand' | 'font', string>

/** @throws BrokenError `template_broken` when the template files lack a word or a colour of the pages. */
export function unsubscribePages(files: TemplateFiles): UnsubscribePages {
  const theme = chosen(files, 'theme.json', [...COLOURS, 'brand', 'font'])
  const spoken = new Map<string, Words>()
  for (const path of Object.keys(files)) {
    const [, locale] = /^words\/([^/]+)\.json$/.exec(path) ?? []
    if (locale !== undefined) spoken.set(locale, chosen(files, path, WORDS))
  }
  const inLocale = (wanted: string | undefined) => {
    const locale = localeFor(wanted ?? null, [...spoken.keys()])
    return { locale, words: spoken.get(locale) ?? chosen(files, `words/${locale}.json`, WORDS) }
  }
  return {
    question(category, wanted) {
      const { locale, words } = inLocale(wanted)
      const button = `<form method="post"><button>${escaped(words.unsubscribe)}</button></form>`
      const content = `<p>${about(words.leaving, category)}</p>\n${button}`
      return page({ locale, theme, accent: theme.plain, icon: '✉', heading: words.leave, content })
    },
    done(category, wanted) {
      const { locale, words } = inLocale(wanted)
      const content = `<p>${about(words.leftBehind, category)}</p>`
      return page({ locale, theme, accent: theme.good, icon: '✓', heading: words.left, content })
    },
    noLink() {
      const { locale, words } = inLocale(undefined)
      const content = `<p>${escaped(words.noLinkHelp)}</p>`
      return page({ locale, theme, accent: theme.plain, icon: '?', heading: words.noLink, content })
    },
  }
}

function chosen<Name extends string>(files: TemplateFiles, path: string, names: readonly Name[]): Record<Name, string> {
  const texts = textsOf(files, path)
  const lacking = names.filter((name) => typeof texts[name] !== 'string')
  if (lacking.length > 0)
    throw new BrokenError(
      'template_broken',
      `templates: ${path} lacks ${lacking.join(', ')}, for the page to unsubscribe`,
    )
  return Object.fromEntries(names.map((name) => [name, texts[name]])) as Record<Name, string>
}

/** The sentence with the category in it. */
function about(sentence: string, category: string): string {
  return escaped(sentence).replace('{category}', () => `<strong>${escaped(category)}</strong>`)
}

interface Page {
  locale: string
  theme: Theme
  accent: string
  icon: string
  heading: string
  content: string
}

function page({ locale, theme, accent, icon, heading, content }: Page): string {
  return `<!doctype html>
<html lang="${escaped(locale)}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${escaped(heading)} · ${escaped(theme.brand)}</title>
<style>
:root { --page: ${theme.page}; --card: ${theme.card}; --rule: ${theme.rule}; --ink: ${theme.ink}; --text: ${theme.text}; --muted: ${theme.muted}; --accent: ${accent} }
@media (prefers-color-scheme: dark) { :root { --page: #0b1120; --card: #111827; --rule: #374151; --ink: #f9fafb; --text: #d1d5db; --muted: #9ca3af } }
* { box-sizing: border-box }
body { margin: 0; padding: 10vh 12px 32px; background: var(--page); color: var(--text); font: 400 16px/26px ${theme.font} }
header, main { max-width: 480px; margin: auto }
header { padding: 16px 8px; color: var(--ink); font-weight: 700; font-size: 17px }
header span { color: var(--accent) }
main { padding: 36px 40px 40px; background: var(--card); border: 1px solid var(--rule); border-top: 4px solid var(--accent); border-radius: 10px }
.icon { width: 48px; height: 48px; border-radius: 24px; background: var(--accent); color: #fff; font-weight: 700; font-size: 22px; line-height: 48px; text-align: center }
h1 { margin: 18px 0 12px; color: var(--ink); font-size: 26px; line-height: 32px }
p { margin: 0 }
strong { color: var(--ink) }
button { margin-top: 24px; padding: 13px 26px; border: 0; border-radius: 8px; background: var(--accent); color: #fff; font: 700 15px/22px ${theme.font}; cursor: pointer }
button:hover { filter: brightness(1.15) }
button:focus-visible { outline: 3px solid var(--muted); outline-offset: 3px }
@media (max-width: 480px) { body { padding-top: 4vh } main { padding: 28px 22px 32px } }
</style>
<header><span aria-hidden="true">&#9632;</span> ${escaped(theme.brand)}</header>
<main><div class="icon" aria-hidden="true">${icon}</div>
<h1>${escaped(heading)}</h1>
${content}
</main>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
