// `npm run export -- CUSTOMER --reason TEXT`: all that the services hold of a customer, as one JSON document.
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { asError } from '@orders/shared/runtime'
import { askAbout } from './customers/order-service.ts'

const USAGE = `npm run export -- CUSTOMER --reason TEXT [--operator NAME] [--to FILE]

CUSTOMER is a pseudonym (cus_…), or the user name in the shop; --customer CUSTOMER means the same. The audit log records who asked,
and why. --operator is your name; the default is your login. Without --to, the command writes to standard output. The exit code is 1 if
a service did not answer or could not read all its data: the command writes the rest, with --to into FILE.partial.
Set PORT_BASE or PORT, HOST and OPERATOR_TOKENS as for order-service.`
const text = { type: 'string' } as const
const OPTIONS = { customer: text, reason: text, operator: text, to: text }
/** What ends the document says whether it is whole; more than all services and why each is missing. */
const END_LENGTH = 20_000

try {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: OPTIONS })
  const { customer = positionals[0], reason, operator = userInfo().username, to } = values
  if (customer === undefined || reason === undefined || positionals.length > 1) {
    process.stderr.write(`${USAGE}\n`)
    process.exitCode = 2
  } else process.exitCode = await exportTo(to, customer, new URLSearchParams({ operator, reason }))
} catch (error) {
  process.stderr.write(`${asError(error).message}\n`)
  process.exitCode = 1
}

async function exportTo(file: string | undefined, customer: string, by: URLSearchParams): Promise<number> {
  const { body } = await askAbout(customer, `export?${by}`)
  if (!body) throw new Error('the answer of order-service was empty')
  const partial = `${file}.partial`
  let end = ''
  async function* watched(chunks: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const chunk of chunks) {
      end = (end + chunk).slice(-END_LENGTH)
      yield chunk
    }
  }
  // What is personal is for whoever asked, and nobody else on this machine.
  const target = file === undefined ? process.stdout : createWriteStream(partial, { mode: 0o600 })
  const chunks = Readable.fromWeb(body).setEncoding('utf8')
  await pipeline(chunks, watched, target, { end: file !== undefined })
  const missing = missingIn(end)
  for (const { service, why } of missing) process.stderr.write(`data of ${service} is missing: ${why}\n`)
  if (missing.length > 0) return 1
  if (file !== undefined) await rename(partial, file)
  return 0
}

/** @throws Error where the document is cut off */
function missingIn(end: string): { service: string; why: string }[] {
  const [, missing] = /\],"missing":(\[.*\]),"isComplete":(?:true|false)\}\s*$/.exec(end) ?? []
  if (missing === undefined) throw new Error('the answer was cut off: run the command again')
  return JSON.parse(missing)
}
