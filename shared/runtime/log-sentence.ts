// A log line for a person in a terminal: what happened to which order, in one short sentence.
import { styleText } from 'node:util'

type Line = Record<string, unknown>

export const dim = (text: string) => styleText('dim', text)
const bold = (text: string) => styleText('bold', text)

/** The kernel's own outcomes read as sentences; every other line is its message and its fields. */
export function sentenceOf(line: Line): string {
  const { msg, type, subject, attempt, said, code, why, room, queue, method, url, status, ms } = line
  const about = `${type} ${bold(String(subject))}`
  const times = Number(attempt) > 1 ? dim(` (attempt ${attempt})`) : ''
  switch (msg) {
    case 'handled':
      return `${about}${followedBy(said)}${times}`
    case 'gave up':
      return `${about} gave up: ${why}${followedBy(said)}`
    case 'failed, will be tried again':
      return `${about} failed: ${code}, ${why}; again in ${room}${times}`
    case 'dead letter':
      return `${about} is a dead letter of ${queue}: ${why}`
    case 'answered':
      return method === undefined ? fields(line) : `${method} ${url} ${bold(String(status))} ${dim(`${ms} ms`)}`
    default:
      return fields(line)
  }
}

function followedBy(said: unknown): string {
  return Array.isArray(said) && said.length > 0 ? ` → ${styleText('green', said.join(', '))}` : ''
}

const SHOWN_ELSEWHERE = new Set(['msg', 'level', 'time', 'pid', 'hostname', 'service', 'err'])

function fields({ msg, err, ...rest }: Line): string {
  const pairs = Object.entries(rest).filter(([name]) => !SHOWN_ELSEWHERE.has(name))
  const text = pairs.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${dim(String(err.stack))}` : ''
  return [String(msg), dim(text.join(' '))].filter((part) => part !== '').join('  ') + stack
}
