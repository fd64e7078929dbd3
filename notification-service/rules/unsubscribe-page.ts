// The two pages that somebody sees who follows a mail's link for unsubscribing: a question with a button, and the answer.

/** A form without an action posts to where the page came from. */
export function questionPage(category: string): string {
  return page(
    'Unsubscribe?',
    `<p>You will get no more mails about <strong>${escaped(category)}</strong>.</p>
<form method="post"><button>Unsubscribe</button></form>`,
  )
}

export function donePage(category: string): string {
  return page('Done', `<p>You get no more mails about <strong>${escaped(category)}</strong>.</p>`)
}

function page(heading: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${heading}</title>
<style>
body { margin: 0; padding: 12vh 24px; background: #f3f4f6; color: #374151; font: 16px/26px system-ui, sans-serif; text-align: center }
main { max-width: 420px; margin: auto; padding: 36px 32px; background: #fff; border: 1px solid #e5e7eb; border-radius: 10px }
h1 { margin: 0; color: #111827; font-size: 26px }
button { padding: 13px 26px; border: 0; border-radius: 8px; background: #b91c1c; color: #fff; font: 700 15px/22px system-ui, sans-serif; cursor: pointer }
@media (prefers-color-scheme: dark) { body { background: #0b1120; color: #d1d5db } main { background: #111827; border-color: #1f2937 } h1 { color: #f9fafb } }
</style>
<main><h1>${heading}</h1>
${content}
</main>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
