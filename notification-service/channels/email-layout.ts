// How a mail looks: plain text, and HTML as mail programs understand it, which is tables and inline styles.
import type { Content, ContentLine } from '../content.ts'

export function textOf({ greeting, paragraphs, lines, total, next }: Content): string {
  return [
    ...(greeting === undefined ? [] : [greeting]),
    ...paragraphs,
    ...(lines.length === 0 ? [] : [textTable(lines, total)]),
    ...(next === undefined ? [] : [`What happens next: ${next}`]),
    '',
  ].join('\n\n')
}

function textTable(lines: ContentLine[], total: string | undefined): string {
  const rows = lines.map(({ sku, quantity, price = '' }) => ({ label: `${quantity} x ${sku}`, price }))
  if (total !== undefined) rows.push({ label: 'Total', price: total })
  const labelWidth = Math.max(...rows.map(({ label }) => label.length))
  const priceWidth = Math.max(...rows.map(({ price }) => price.length))
  return rows
    .map(({ label, price }) => `  ${label.padEnd(labelWidth)}  ${price.padStart(priceWidth)}`.trimEnd())
    .join('\n')
}

const accents = { good: '#0f766e', attention: '#b45309', bad: '#b91c1c', plain: '#334155' } as const
const FONT = 'font-family:Helvetica,Arial,sans-serif'
const TABLE = 'role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
const STEPS = ['Ordered', 'Paid', 'Shipped', 'Delivered']

export function htmlOf(content: Content): string {
  const { subject, heading, tone, greeting, paragraphs, step, lines, total, next, orderId } = content
  const accent = accents[tone]
  const said = [...(greeting === undefined ? [] : [greeting]), ...paragraphs]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light">
<title>${escaped(subject)}</title>
</head>
<body style="margin:0;padding:0;background:#f1f5f9">
<div style="display:none;max-height:0;overflow:hidden">${escaped(paragraphs[0] ?? '')}</div>
<table ${TABLE} style="background:#f1f5f9"><tr><td align="center" style="padding:32px 12px">
<table ${TABLE} style="max-width:560px;background:#ffffff;border:1px solid #e2e8f0;border-radius:12px;overflow:hidden">
<tr><td style="height:6px;background:${accent};font-size:0;line-height:0">&nbsp;</td></tr>
<tr><td style="padding:32px 32px 8px;${FONT};font-size:22px;line-height:28px;font-weight:700;color:#0f172a">${escaped(heading)}</td></tr>
<tr><td style="padding:8px 32px 16px;${FONT};font-size:15px;line-height:24px;color:#334155">
${said.map((paragraph) => `<p style="margin:0 0 12px">${escaped(paragraph).replaceAll('\n', '<br>\n')}</p>`).join('\n')}
</td></tr>
${step === undefined ? '' : progress(step, accent)}${lines.length === 0 ? '' : table(lines, total)}${next === undefined ? '' : whatNext(next, accent)}<tr><td style="padding:8px 32px 28px;${FONT};font-size:12px;line-height:18px;color:#94a3b8">${footer(orderId)}</td></tr>
</table>
</td></tr></table>
</body>
</html>
`
}

/** Four bars, filled as far as the order is. */
function progress(reached: number, accent: string): string {
  const cells = STEPS.map((name, index) => {
    const isReached = index < reached
    const label = `font-size:12px;line-height:18px;padding-top:6px;color:${isReached ? accent : '#94a3b8'};font-weight:${index === reached - 1 ? 700 : 400}`
    return `<td width="25%" style="padding:0 3px;${FONT};${label}"><div style="height:4px;border-radius:2px;background:${isReached ? accent : '#e2e8f0'};font-size:0;line-height:0;margin-bottom:6px">&nbsp;</div>${name}</td>`
  })
  return `<tr><td style="padding:0 29px 20px"><table ${TABLE}><tr>
${cells.join('\n')}
</tr></table></td></tr>
`
}

function table(lines: ContentLine[], total: string | undefined): string {
  const cell = `padding:10px 0;border-top:1px solid #e2e8f0;${FONT};font-size:15px;line-height:22px;color:#334155`
  const rows = lines.map(
    ({ sku, quantity, price = '' }) =>
      `<tr><td style="${cell}">${escaped(sku)} <span style="color:#94a3b8">&times;&nbsp;${quantity}</span></td><td align="right" style="${cell}">${escaped(price)}</td></tr>`,
  )
  const strong = `padding:12px 0;border-top:2px solid #0f172a;${FONT};font-size:16px;line-height:22px;font-weight:700;color:#0f172a`
  const sum =
    total === undefined
      ? ''
      : `<tr><td style="${strong}">Total</td><td align="right" style="${strong}">${escaped(total)}</td></tr>\n`
  return `<tr><td style="padding:0 32px 20px"><table ${TABLE}>
${rows.join('\n')}
${sum}</table></td></tr>
`
}

function whatNext(next: string, accent: string): string {
  return `<tr><td style="padding:0 32px 20px"><table ${TABLE}><tr><td style="padding:14px 18px;background:#f8fafc;border-left:3px solid ${accent};border-radius:6px;${FONT};font-size:14px;line-height:22px;color:#334155">
<strong style="color:#0f172a">What happens next</strong><br>
${escaped(next)}</td></tr></table></td></tr>
`
}

function footer(orderId: string | undefined): string {
  return orderId === undefined
    ? 'This message was sent to you by our team.'
    : `You get this mail because of order ${escaped(orderId)}.`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Only ASCII comes out, so that the HTML needs no transfer encoding and stays readable in the raw mail. */
function escaped(text: string): string {
  return text.replace(/[&<>"']|[^\n\x20-\x7e]/gu, (character) => ENTITIES[character] ?? entity(character))
}

/** Control characters mean nothing in a mail, and some are not allowed in HTML even as entities. */
function entity(character: string): string {
  return /\p{Control}/u.test(character) ? ' ' : `&#${character.codePointAt(0)};`
}
