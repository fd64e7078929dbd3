// `npm run verify`: whether the audit log still is what it was signed to be.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readWhole } from '../audit-service/archive/files.ts'
import { verifierIn } from '../audit-service/proof/note.ts'
import { addressOf } from './services/address.ts'
import { verifyLog } from './verify/log.ts'

const USAGE = `npm run verify -- [--since FILE] [--bodies] [--key LINE] [--url URL]
npm run verify -- --key LINE --archive FILE [--archive FILE …]

--since FILE  checkpoints that you kept: the log must begin with the entries of the newest one
--bodies      also reads every event and computes the whole tree again; needs OPERATOR_TOKENS if the service has tokens
--key LINE    the log's key, which GET /audit/key gave you before
--url URL     the URL of audit-service; default: where HOST, and PORT or PORT_BASE, say that it listens
--archive FILE  checks that the log signed the entries in this archive file; needs no service`

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`)
  process.exitCode = 2
}

/** Each by itself; files of one log that follow each other show that none is missing between them. */
async function verifyArchives(paths: string[], key: string | undefined): Promise<number> {
  if (key === undefined) throw new Error('--archive needs --key LINE, the key that GET /audit/key gave you before')
  const verifier = verifierIn(key)
  let isBroken = false
  for (const path of paths) {
    const read = await readWhole(path, verifier).catch((error: unknown) => (error instanceof Error ? error : undefined))
    isBroken ||= read === undefined || read instanceof Error
    process.stdout.write(
      read === undefined || read instanceof Error
        ? `BROKEN: ${read?.message ?? path}.\n`
        : `${path} is valid: entries ${read.first} to ${read.first + read.entries.length - 1}.\n`,
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
      url: { type: 'string' },
      archive: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.archive.length > 0) return verifyArchives(values.archive, values.key)
  const { url, token } = addressOf('audit', process.env)
  const { wrong, size } = await verifyLog({
    url: values.url ?? url,
    key: values.key,
    kept: values.since === undefined ? undefined : await readFile(values.since, 'utf8'),
    bodies: values.bodies,
    token,
    say: (line) => process.stdout.write(`${line}\n`),
  })
  process.stdout.write(wrong === undefined ? `The log is valid: ${size} entries.\n` : `BROKEN: ${wrong}.\n`)
  return wrong === undefined ? 0 : 1
}
