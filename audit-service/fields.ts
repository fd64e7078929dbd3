// Reads an event's data without a contract. It may be of any version, so any field may be missing or have another type.

export function fieldIn(data: unknown, name: string): unknown {
  return isRecord(data) ? data[name] : undefined
}

export function textIn(data: unknown, name: string): string | undefined {
  const value = fieldIn(data, name)
  return typeof value === 'string' ? value : undefined
}

export function numberIn(data: unknown, name: string): number | undefined {
  const value = fieldIn(data, name)
  return typeof value === 'number' ? value : undefined
}

/** The texts in a list. Empty if there is no list. */
export function listIn(data: unknown, name: string): string[] {
  const value = fieldIn(data, name)
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

export function countIn(data: unknown, name: string): number {
  const value = fieldIn(data, name)
  return Array.isArray(value) ? value.length : 0
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
