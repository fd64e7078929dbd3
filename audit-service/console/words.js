// Formats numbers, times and names for people.

const number = new Intl.NumberFormat('en')
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const zoned = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' })

/** The browser's time zone, in which all times are shown. */
export const zone = zoned.formatToParts(new Date()).find(({ type }) => type === 'timeZoneName')?.value ?? ''

/** @type {(value: number) => string} */
export const count = (value) => number.format(value)

/** @type {(value: number, one: string, many?: string) => string} */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`

/** @type {(ms: number) => string} */
export function duration(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** @type {(iso: string) => string} */
export const age = (iso) => duration(Date.now() - Date.parse(iso))

/** The time of day; with the date if it is not today. @type {(iso: string) => string} */
export function moment(iso) {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`
}

/** Shortens `/inventory-service` to `inventory`. @type {(source: string) => string} */
export const serviceOf = (source) => source.replace(/^\//, '').replace(/-service$/, '')

/** @type {(orderId: string) => string} */
export const linkToOrder = (orderId) => `#/orders/${encodeURIComponent(orderId)}`

/** Leaves out empty values. @type {(wanted: Record<string, string | number | undefined>) => string} */
export function queryOf(wanted) {
  const given = Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  )
  return new URLSearchParams(given).toString()
}
