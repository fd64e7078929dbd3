// Formats a story as text for terminals.
import type { Gap, Story } from './story.ts'

export function textOf({ orderId, ended, durationMs, entries, gaps }: Story): string {
  const rows = entries.map(({ afterMs, service, sentence }) => ({ at: `+${duration(afterMs)}`, service, sentence }))
  const atWidth = Math.max(...rows.map(({ at }) => at.length))
  const serviceWidth = Math.max(...rows.map(({ service }) => service.length))
  return [
    `Order ${orderId}: ${ended === null ? 'not ended yet' : `${ended} after ${duration(durationMs)}`}`,
    '',
    ...rows.map(
      ({ at, service, sentence }) => `  ${at.padStart(atWidth)}  ${service.padEnd(serviceWidth)}  ${sentence}`,
    ),
    '',
    ...(gaps.length === 0 ? ['Every expected event has followed.'] : ['Still to come:', ...gaps.map(line)]),
    '',
  ].join('\n')
}

function line({ missing, after, sinceMs, status, held }: Gap): string {
  const what = missing.join(' or ')
  const which = after === null ? 'before the first event' : `after ${after}`
  if (held && status === 'held') return `  held     ${what}, until ${held.until}: ${held.because}`
  if (status === 'failed') return `  FAILED   ${after}: send the notification again, then ${what} follows`
  return `  ${status === 'missing' ? 'MISSING' : 'waiting'}  ${what} ${which}, for ${duration(sinceMs)}`
}

function duration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  return minutes < 60
    ? `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
