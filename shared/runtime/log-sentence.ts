// Formats a log line for a person in a terminal: what happened to which order, in one short sentence.
import { styleText } from 'node:util'

type Line = Record<string, unknown>
type Paint = (format: 'dim' | 'bold' | 'green', text: string) => string

/** The kernel's own outcomes become sentences. Any other line shows its message and fields. */
export function sentenceOf(line: Line, coloured: boolean): string {
  const paint: Paint = (format, text) => (coloured ? styleText(format, text) : text)
  const { msg, type, subject, attempt, said, code, why, afterMs, queue, method, url, status, ms } = line
  const about = `${type} ${paint('bold', String(subject))}`
  const times = Number(attempt) > 1 ? paint('dim', ` (attempt ${attempt})`) : ''
  const followedBy = Array.isArray(said) && said.length > 0 ? ` → ${paint('green', said.join(', '))}` : ''
  switch (msg) {
    case 'handled':
      return `${about}${followedBy}${times}`
    case 'gave up':
      return `${about} gave up: ${why}${followedBy}`
    case 'failed, will be tried again':
      return `${about} failed: ${code}, ${why}; again in ${(Number(afterMs) / 1_000).toFixed(1)} s${times}`
    case 'dead letter':
      return `${about} is a dead letter of ${queue}: ${why}`
    case 'answered':
      return method === undefined
        ? fields(line, paint)
        : `${method} ${url} ${paint('bold', String(status))} ${paint('dim', `${ms} ms`)}`
    default:
      return fields(line, paint)
  }
}

const SHOWN_ELSEWHERE = new Set(['msg', 'level', 'time', 'pid', 'hostname', 'service', 'err'])

function fields({ msg, err, ...rest }: Line, paint: Paint): string {
  const pairs = Object.entries(rest).filter(([name]) => !SHOWN_ELSEWHERE.has(name))
  const text = pairs.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${paint('dim', String(err.stack))}` : ''
  return [String(msg), paint('dim', text.join(' '))].filter((part) => part !== '').join('  ') + stack
}
