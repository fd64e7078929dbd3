// The page on which operators preview a template in one locale: mail, text, SMS and push side by side.
import type { Content } from '../content.ts'

export interface Preview {
  /** The locales of each template, by its name. */
  templates: ReadonlyMap<string, readonly string[]>
  template: string
  summary: string
  /** As requested, for example de-CH. */
  locale: string
  /** The sample, or the data of the last notification that was sent. */
  data: 'sample' | 'last'
  /** Undefined if none of the newest notifications used this template. */
  content: Content | undefined
  /** The id of the notification whose data is shown. */
  notificationId?: string
}

export function previewPage(preview: Preview): string {
  const { templates, template, locale, data } = preview
  const links = [...templates].map(([name, locales]) => {
    const anchors = locales.map((one) =>
      link({ template: name, locale: one, data }, one, name === template && one === locale),
    )
    return `<li><b>${escaped(name)}</b> ${anchors.join(' ')}</li>`
  })
  const kinds = (['sample', 'last'] as const).map((one) =>
    link({ template, locale, data: one }, one === 'sample' ? 'Sample data' : 'Last real data', one === data),
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(template)} · Preview of the templates</title>
<style>${STYLE}</style>
<nav aria-label="Templates"><h1>Templates</h1>
<ul>
${links.join('\n')}
</ul></nav>
<main>
<h2>${escaped(template)}</h2>
<p>${escaped(preview.summary)}</p>
<form method="get"><input type="hidden" name="template" value="${escaped(template)}"><input type="hidden" name="data" value="${data}">
<label>Locale <input name="locale" value="${escaped(locale)}" size="8" pattern="[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"></label> <button>Show</button> <span class="kinds">${kinds.join(' ')}</span></form>
${shown(preview)}
</main>
</html>
`
}

function shown({ content, notificationId, template }: Preview): string {
  if (!content) return `<p class="none">None of the last notifications was of ${escaped(template)}.</p>`
  const { subject, short, text, html } = content
  const source =
    notificationId === undefined ? '' : `<p>From notification <code>${escaped(notificationId)}</code>.</p>\n`
  return `${source}<div class="sides">
<section><h3>Mail</h3><p class="subject">${escaped(subject)}</p>
<iframe title="The mail as HTML" sandbox="" srcdoc="${escaped(html)}"></iframe></section>
<section><h3>Mail, text part; webhook</h3><pre tabindex="0" aria-label="The text part">${escaped(text)}</pre></section>
<section class="small"><h3>SMS</h3><p class="bubble">${escaped(short)}</p><p class="count">${short.length} characters</p>
<h3>Push</h3><p class="bubble"><b>${escaped(subject)}</b><br>${escaped(short)}</p></section>
</div>`
}

function link(to: Pick<Preview, 'template' | 'locale' | 'data'>, text: string, isCurrent: boolean): string {
  const query = escaped(`?${new URLSearchParams(to)}`)
  return `<a href="${query}"${isCurrent ? ' aria-current="page"' : ''}>${escaped(text)}</a>`
}

const STYLE = `
:root { --page: #f3f4f6; --card: #fff; --rule: #e5e7eb; --ink: #111827; --text: #374151; --muted: #5f6774; --accent: #0f766e }
@media (prefers-color-scheme: dark) { :root { --page: #0b1120; --card: #111827; --rule: #374151; --ink: #f9fafb; --text: #d1d5db; --muted: #9ca3af; --accent: #5eead4 } }
* { box-sizing: border-box }
body { display: flex; flex-wrap: wrap; margin: 0; background: var(--page); color: var(--text); font: 400 15px/24px Helvetica Neue, Helvetica, Arial, sans-serif }
nav { flex: 1 1 260px; padding: 24px; background: var(--card); border-right: 1px solid var(--rule) }
main { flex: 999 1 640px; min-width: 0; padding: 24px 32px 48px }
h1, h2, h3 { margin: 0 0 8px; color: var(--ink); font-size: 18px; line-height: 26px }
h2 { font-size: 24px; line-height: 32px }
h3 { margin-top: 16px; font-size: 14px; color: var(--muted) }
ul { margin: 0; padding: 0; list-style: none }
li { padding: 6px 0 }
li b { display: block; color: var(--ink); overflow-wrap: anywhere }
a { display: inline-block; padding: 2px 10px; border: 1px solid var(--rule); border-radius: 12px; color: var(--accent); text-decoration: none }
a:hover { text-decoration: underline }
a[aria-current] { background: var(--accent); color: var(--card) }
p { margin: 0 }
form { padding: 12px 0 4px }
input, button { padding: 6px 10px; border: 1px solid var(--rule); border-radius: 8px; background: var(--card); color: var(--ink); font: inherit }
a:focus-visible, input:focus-visible, button:focus-visible, pre:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.kinds { margin-left: 16px }
.sides { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start }
section { flex: 1 1 380px; min-width: 0 }
section.small { flex: 1 1 240px }
iframe { width: 100%; height: 900px; border: 1px solid var(--rule); border-radius: 8px; background: #fff }
pre { margin: 0; padding: 16px; max-height: 940px; overflow: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/20px ui-monospace, Menlo, Consolas, monospace }
.subject { padding: 0 0 8px; color: var(--ink); font-weight: 700 }
.bubble { padding: 12px 16px; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; color: var(--ink); overflow-wrap: anywhere }
.count, .none { color: var(--muted) }
.none { padding-top: 24px }
`

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
