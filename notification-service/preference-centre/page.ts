// Renders the preference centre: the current choices by category and channel, a button to save and one to undo. It
// needs no script and looks like the mails.
import { BrokenError } from '@orders/shared/runtime'
import { type TemplateFiles, textsOf } from '../rendering/template-files.ts'
import { type Choice, fieldOf, SHOWN } from './choices.ts'
import { type Speech, speechesOf } from './words.ts'

export interface Centre {
  /** Category of the mail with the link. */
  category: string
  locale: string | undefined
  choices: readonly Choice[]
  /** What the request has done, and the choices before it. */
  done?: { what: 'saved' | 'left' | 'undone'; before: readonly Choice[] }
}

export interface CentrePages {
  categories: readonly string[]
  centre(centre: Centre): string
  /** In the default language, since the recipient is unknown. */
  noLink(): string
}

/** @throws BrokenError `template_broken` if the template files lack a text or a colour of the pages. */
export function centrePages(files: TemplateFiles): CentrePages {
  const theme = themeIn(files)
  const speeches = speechesOf(files)
  return {
    categories: speeches.categories,
    centre: (centre) => framed(theme, speeches.in(centre.locale), 'title', content(centre, speeches.in(centre.locale))),
    noLink() {
      const speech = speeches.in(undefined)
      return framed(theme, speech, 'noLink', `<p>${escaped(speech.words.noLinkHelp)}</p>`)
    },
  }
}

const THEME = ['brand', 'font', 'accent', 'onAccent', 'page', 'card', 'soft', 'rule', 'ink', 'text', 'muted'] as const
const DARK = ['Accent', 'Page', 'Card', 'Soft', 'Rule', 'Ink', 'Text', 'Muted'] as const
type ThemeName = (typeof THEME)[number] | `dark${(typeof DARK)[number]}` | 'onDarkAccent'
type Theme = Record<ThemeName, string>

function themeIn(files: TemplateFiles): Theme {
  const texts = textsOf(files, 'theme.json')
  const names: ThemeName[] = [...THEME, ...DARK.map((name) => `dark${name}` as const), 'onDarkAccent']
  const lacking = names.filter((name) => typeof texts[name] !== 'string')
  if (lacking.length > 0)
    throw new BrokenError(
      'template_broken',
      `templates: theme.json lacks ${lacking.join(', ')}, for the preference centre`,
    )
  // The cast is safe: missing names were reported above.
  return Object.fromEntries(names.map((name) => [name, texts[name]])) as Theme
}

function content(centre: Centre, speech: Speech): string {
  const { words } = speech
  const parts = [`<p>${escaped(words.intro)}</p>`, banner(centre, speech), leaving(centre, speech)]
  const categories = [...new Set(centre.choices.map(({ category }) => category))]
  const fieldsets = categories.map((category) => fieldset(category, centre.choices, speech))
  const shown = `<input type="hidden" name="${SHOWN}" value="${centre.choices.map(fieldOf).map(escaped).join(' ')}">`
  const always = `<section class="row"><h2>${escaped(words.always)} <span class="mark">${escaped(words.alwaysMark)}</span></h2>
<p>${escaped(words.alwaysAbout)}</p></section>`
  return [
    ...parts,
    `<form method="post" class="choices">${shown}\n${fieldsets.join('\n')}\n${always}\n<button>${escaped(words.save)}</button></form>`,
  ].join('\n')
}

/** Says what the request has done, and offers to undo it: the same form with the choices before it. */
function banner({ done, category }: Centre, { words, nameOf }: Speech): string {
  if (!done) return ''
  const said = `<p role="status">${named(words[done.what], nameOf(category))}</p>`
  if (done.what === 'undone') return `<div class="done">${said}</div>`
  const on = done.before.filter(({ isOn }) => isOn)
  const shown = `<input type="hidden" name="${SHOWN}" value="${done.before.map(fieldOf).map(escaped).join(' ')}">`
  const fields = on.map((choice) => `<input type="hidden" name="${escaped(fieldOf(choice))}" value="on">`).join('')
  const undo = `<form method="post">${shown}${fields}<input type="hidden" name="undo" value="on"><button class="quiet">${escaped(words.undo)}</button></form>`
  return `<div class="done">${said}\n${undo}</div>`
}

/** The button to unsubscribe, for which most people come. */
function leaving({ category, choices, done }: Centre, { words, nameOf }: Speech): string {
  const mail = choices.find((choice) => choice.category === category && choice.way === 'email')
  if (!mail?.isOn || done) return ''
  const button = `<form method="post"><button>${named(words.unsubscribe, nameOf(category))}</button></form>`
  return `<div class="leave"><p>${named(words.mail, nameOf(category), 'strong')}</p>\n${button}</div>`
}

function fieldset(category: string, choices: readonly Choice[], { words, nameOf, about }: Speech): string {
  const boxes = choices
    .filter((choice) => choice.category === category)
    .map((choice) => {
      const box = `<input type="checkbox" name="${escaped(fieldOf(choice))}" value="on"${choice.isOn ? ' checked' : ''}>`
      return `<label>${box} ${escaped(words[choice.way])}</label>`
    })
  const sentence = about(category)
  return `<fieldset class="row"><legend>${escaped(nameOf(category))}</legend>
${sentence === undefined ? '' : `<p>${escaped(sentence)}</p>\n`}<div class="boxes">${boxes.join('\n')}</div></fieldset>`
}

/** Inserts the category into the sentence. */
function named(sentence: string, name: string, tag?: string): string {
  const shown = tag === undefined ? escaped(name) : `<${tag}>${escaped(name)}</${tag}>`
  return escaped(sentence).replace('{category}', () => shown)
}

function framed(theme: Theme, { locale, words }: Speech, title: 'title' | 'noLink', body: string): string {
  const dark = DARK.map((name) => `--${name.toLowerCase()}: ${theme[`dark${name}`]}`).join('; ')
  const light = THEME.slice(2).map((name) => `--${name.toLowerCase()}: ${theme[name]}`)
  return `<!doctype html>
<html lang="${escaped(locale)}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${escaped(words[title])} · ${escaped(theme.brand)}</title>
<style>
:root { ${light.join('; ')} }
@media (prefers-color-scheme: dark) { :root { ${dark}; --onaccent: ${theme.onDarkAccent} } }
* { box-sizing: border-box }
body { margin: 0; padding: 6vh 16px 64px; background: var(--page); color: var(--text); font: 400 16px/26px ${theme.font} }
header, main { max-width: 600px; margin: auto }
header { padding: 0 8px 16px; color: var(--ink); font: 700 18px/24px ${theme.font} }
main { padding: 40px 44px 44px; background: var(--card); border: 1px solid var(--rule); border-top: 4px solid var(--accent); border-radius: 12px }
h1 { margin: 0 0 12px; color: var(--ink); font: 700 28px/36px ${theme.font} }
h2, legend { margin: 0; padding: 0; color: var(--ink); font: 700 17px/26px ${theme.font} }
p { margin: 0 }
strong { color: var(--ink) }
form { margin: 0 }
fieldset { margin: 0; padding: 0; border: 0 }
.row { padding: 24px 0; border-bottom: 1px solid var(--rule) }
section.row { padding-bottom: 0; border-bottom: 0 }
fieldset.row legend { float: left; width: 100% }
fieldset.row legend + * { clear: both }
.row p { color: var(--muted); font-size: 15px; line-height: 24px }
.boxes { display: flex; flex-wrap: wrap; gap: 4px 28px; padding-top: 8px }
label { display: flex; align-items: center; gap: 10px; min-height: 44px; color: var(--text); cursor: pointer }
input[type=checkbox] { width: 20px; height: 20px; margin: 0; accent-color: var(--accent) }
.leave, .done { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 12px 24px; margin-top: 24px; padding: 20px 24px; background: var(--soft); border: 1px solid var(--rule); border-radius: 8px }
.leave p, .done p { flex: 1 1 220px }
.done p { color: var(--ink) }
.mark { margin-left: 6px; padding: 2px 10px; background: var(--soft); border: 1px solid var(--rule); border-radius: 12px; color: var(--muted); font: 400 13px/20px ${theme.font} }
.choices { margin-top: 8px }
button { min-height: 48px; padding: 12px 28px; border: 2px solid var(--accent); border-radius: 8px; background: var(--accent); color: var(--onaccent); font: 700 16px/22px ${theme.font}; cursor: pointer }
.choices > button { margin-top: 28px }
.leave button, button.quiet { background: transparent; color: var(--accent) }
button:hover { text-decoration: underline }
button:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px }
@media (max-width: 480px) { body { padding: 24px 0 40px } header { padding: 0 24px 16px } main { padding: 32px 24px 36px; border-radius: 0; border-left: 0; border-right: 0 } button { width: 100% } .leave form, .done form { width: 100% } h1 { font-size: 24px; line-height: 31px } }
</style>
<header>${escaped(theme.brand)}</header>
<main>
<h1>${escaped(words[title])}</h1>
${body}
</main>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
