// How a text may stand in a file or a message without being seen at once.

/** Each a sequence of bytes that says `text`, or the most of it. */
export function spellingsOf(text: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const [letters, one] of [
    ['as it is', text],
    ['in small letters', text.toLowerCase()],
    ['in capitals', text.toUpperCase()],
  ] as const) {
    const bytes = Buffer.from(one)
    const hex = bytes.toString('hex')
    const add = (name: string, spelled: Buffer) => found.set(`${name}, ${letters}`, spelled)
    add('UTF-8', bytes)
    add('UTF-16LE', Buffer.from(one, 'utf16le'))
    add('UTF-16BE', Buffer.from(one, 'utf16le').swap16())
    add('hex', Buffer.from(hex))
    add('hex in capitals', Buffer.from(hex.toUpperCase()))
    add('percent-encoded', Buffer.from(encodeURIComponent(one)))
    add('JSON escapes', Buffer.from(escaped(one)))
    add('quoted-printable', Buffer.from(quotedPrintable(bytes)))
    for (const before of [0, 1, 2]) {
      add(`base64 after ${before} bytes`, Buffer.from(base64After(before, bytes, 'base64')))
      add(`base64url after ${before} bytes`, Buffer.from(base64After(before, bytes, 'base64url')))
    }
  }
  return found
}

/** The names of the spellings that stand somewhere in `bytes`. */
export function spelledIn(bytes: Buffer, text: string): string[] {
  return [...spellingsOf(text)].flatMap(([name, spelled]) => (bytes.includes(spelled) ? [name] : []))
}

const escaped = (text: string) =>
  text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const quotedPrintable = (bytes: Buffer) =>
  Array.from(bytes, (byte) =>
    byte === 0x3d || byte < 0x20 || byte > 0x7e
      ? `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
      : String.fromCharCode(byte),
  ).join('')

/** Only the letters that follow from the text alone, wherever in a longer one it begins. */
function base64After(before: number, bytes: Buffer, encoding: 'base64' | 'base64url'): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes])
  const text = whole.toString(encoding).replace(/=+$/, '')
  const isPartial = whole.length % 3 !== 0
  return text.slice(Math.ceil((before * 4) / 3), isPartial ? -1 : undefined)
}
