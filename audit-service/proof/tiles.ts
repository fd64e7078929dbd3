// The paths of tiles and the format of entry bundles, as C2SP tlog-tiles defines them.
import { TILE_WIDTH } from './tree.ts'

export interface TileName {
  /** The level of a tile of hashes, or `entries`. */
  level: number | 'entries'
  number: number
  /** 256, or fewer for a partial tile. */
  width: number
}

const PATH = /^(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/
/** A longer number would not be exact. */
const GROUPS_MAX = 5

/** Reads the part of the path after `/tile/`, such as `entries/x001/x234/067.p/12`. */
export function tileNamed(path: string): TileName | undefined {
  const [, level = '', groups = '', partial] = PATH.exec(path) ?? []
  const digits = groups.replaceAll(/x|\//g, '')
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  // Without leading groups of zeros, so that each tile has one name.
  const isShortest = digits.length === 3 || !digits.startsWith('000')
  if (digits === '' || !isShortest || digits.length > GROUPS_MAX * 3) return undefined
  if (partial !== undefined && width >= TILE_WIDTH) return undefined
  return { level: level === 'entries' ? level : Number(level), number: Number(digits), width }
}

export function tilePath({ level, number, width }: TileName): string {
  const digits = String(number)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  const path = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/')
  return `${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`
}

/** The number of hashes of a tile in a tree of this size. 0 if there is no such tile. */
export function widthIn(size: number, level: number, number: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level)
  return Math.max(0, Math.min(TILE_WIDTH, hashes - number * TILE_WIDTH))
}

/** Each entry with its length before it, in sixteen bits. */
export function bundleOf(entries: readonly string[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const data = Buffer.from(entry)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(data.length)
      return [length, data]
    }),
  )
}
