// package.json: a script for each service, `npm run start:order`, beside those that are written by hand.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { services } from '@orders/shared/contracts'

const path = join(import.meta.dirname, '..', '..', 'package.json')

export function manifestFile(): string {
  const lines = readFileSync(path, 'utf8').split('\n')
  const first = lines.findIndex(isStart)
  const others = lines.filter((line) => !isStart(line))
  const starts = services.map(
    (noun) => `    "start:${noun}": "exec node scripts/bootstrap.mjs ${noun}-service/main.ts",`,
  )
  return [...others.slice(0, first), ...starts, ...others.slice(first)].join('\n')
}

function isStart(line: string): boolean {
  return /^ {4}"start:/.test(line)
}
