// What Redocly and Spectral find in an OpenAPI document, warnings included. Neither asks the network for anything.
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import spectral from '@stoplight/spectral-core'
import rulesets from '@stoplight/spectral-rulesets'

export interface Finding {
  linter: string
  rule: string
  /** Where in the document, as a JSON pointer. */
  at: string
  message: string
}

export async function findWithSpectral(text: string): Promise<Finding[]> {
  const linter = new spectral.Spectral()
  // The cast passes over two packages of one maker that disagree on the type of a rule.
  linter.setRuleset({ extends: [rulesets.oas as never] })
  const results = await linter.run(text)
  return results.map(({ code, path, message }) => ({
    linter: 'spectral',
    rule: String(code),
    at: `#/${path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
    message,
  }))
}

const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
const FINDINGS_MAX = '1000'

interface Report {
  problems: { ruleId: string; message: string; location: { pointer?: string }[] }[]
}

/** @throws Error with what Redocly says when it gives no report */
export function findWithRedocly(file: string): Promise<Finding[]> {
  const manifest = createRequire(import.meta.url).resolve('@redocly/cli/package.json')
  const command = [join(manifest, '..', 'bin', 'cli.js'), 'lint', file, '--extends', 'recommended']
  const options = { env: { ...process.env, ...QUIET }, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    const asked = [...command, '--format', 'json', '--max-problems', FINDINGS_MAX]
    // It ends with 1 when it has found something.
    execFile(process.execPath, asked, options, (_, stdout, stderr) => {
      if (!stdout.startsWith('{')) return reject(new Error(`redocly wrote no report: ${stdout}${stderr}`))
      const { problems } = JSON.parse(stdout) as Report
      resolve(
        problems.map(({ ruleId, message, location }) => {
          return { linter: 'redocly', rule: ruleId, at: location[0]?.pointer ?? '#/', message }
        }),
      )
    })
  })
}
