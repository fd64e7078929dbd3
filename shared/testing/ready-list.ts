// The ready messages of an in-memory queue: highest priority first, then oldest. Adding and taking cost the same at any length.

export interface ReadyList<T> {
  add(item: T, priority: number): void
  /** Puts items back before all others. */
  putBack(items: readonly T[]): void
  /** Takes the first item out. */
  take(): T | undefined
  /** Returns false if the item is not in the list. */
  remove(item: T): boolean
  /** In the order in which they would be taken. */
  items(): T[]
}

interface Line<T> {
  priority: number
  items: T[]
  /** Index of the first item; those before it were taken. */
  from: number
}

const TAKEN_MAX = 1_024

export function createReadyList<T>(): ReadyList<T> {
  /** Highest priority first. Items that were put back come before all. */
  const lines: Line<T>[] = [{ priority: Number.POSITIVE_INFINITY, items: [], from: 0 }]

  function lineOf(priority: number): Line<T> {
    const known = lines.find((line) => line.priority === priority)
    if (known) return known
    const line = { priority, items: [], from: 0 }
    const behind = lines.findIndex((other) => other.priority < priority)
    lines.splice(behind === -1 ? lines.length : behind, 0, line)
    return line
  }

  function takeFrom(line: Line<T>): T | undefined {
    const item = line.items[line.from]
    line.from += 1
    if (line.from === line.items.length || line.from > TAKEN_MAX) {
      line.items = line.items.slice(line.from)
      line.from = 0
    }
    return item
  }

  const waiting = ({ items, from }: Line<T>) => items.length > from

  return {
    add: (item, priority) => void lineOf(priority).items.push(item),
    putBack(items) {
      const [first] = lines
      if (first) first.items.splice(first.from, 0, ...items)
    },
    take() {
      const line = lines.find(waiting)
      return line && takeFrom(line)
    },
    remove(item) {
      const line = lines.find(({ items, from }) => items.indexOf(item, from) !== -1)
      if (!line) return false
      const at = line.items.indexOf(item, line.from)
      if (at === line.from) takeFrom(line)
      else line.items.splice(at, 1)
      return true
    },
    items: () => lines.flatMap(({ items, from }) => items.slice(from)),
  }
}
