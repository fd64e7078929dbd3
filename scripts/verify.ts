// `npm run verify`: whether the audit log still is what it was signed to be.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readWhole } from '../audit-service/archive/files.ts'
import { verifierIn } from '../audit-service/proof/note.ts'
import { verifyLog } from './verify/log.ts'

const USAGE = `npm run verify -- [--since FILE] [--bodies] [--key LINE] [--url URL]
npm run verify -- --key LINE --archive FILE [--archive FILE …]

--since FILE  checkpoints that were kept: the log must begin with what the newest of them says
--bodies      reads every event too, and computes the whole tree from them; OPERATOR_TOKENS, if the service has any
--key LINE    the log's key, as GET /audit/key once gave it to you
--url URL     audit-service; default http://127.0.0.1:8085
--archive FILE  entries that have left the database: they must be those that the log has signed; nobody is asked`

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`)
  process.exitCode = 2
}

/** Each by itself; files of one log that follow each other show that none is missing between them. */
async function verifyArchives(paths: string[], key: string | undefined): Promise<number> {
  if (key === undefined) throw new Error('say by whose key, as GET /audit/key once gave it to you: --key LINE')
  const verifier = verifierIn(key)
  let isBroken = false
  for (const path of paths) {
    const read = await readWhole(path, verifier).catch((error: unknown) => (error instanceof Error ? error : undefined))
    isBroken ||= read === undefined || read instanceof Error
    process.stdout.write(
      read === undefined || read instanceof Error
        ? `BROKEN: ${read?.message ?? path}.\n`
        : `${path} holds: entries ${read.first} to ${read.first + read.entries.length - 1}.\n`,
    )
  }
  return isBroken ? 1 : 0
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      since: { type: 'string' },
      bodies: { type: 'boolean', default: false },
      key: { type: 'string' },
      url: { type: 'string', default: 'http://127.0.0.1:8085' },
      archive: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.archive.length > 0) return verifyArchives(values.archive, values.key)
  const { wrong, size } = await verifyLog({
    url: values.url,
    key: values.key,
    kept: values.since === undefined ? undefined : await readFile(values.since, 'utf8'),
    bodies: values.bodies,
    token: process.env.OPERATOR_TOKENS?.split(',')[0],
    say: (line) => process.stdout.write(`${line}\n`),
  })
  process.stdout.write(wrong === undefined ? `The log holds: ${size} entries.\n` : `BROKEN: ${wrong}.\n`)
  return wrong === undefined ? 0 : 1
}
