// Certificate authorities and what they sign, made for one test by openssl, which every RabbitMQ package brings along.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { capture } from '../../scripts/processes/child.ts'

export interface Signed {
  certFile: string
  keyFile: string
}

export interface Authority {
  caFile: string
  /** For a server at 127.0.0.1, or for a client. */
  sign(name: string): Promise<Signed>
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Everything lies in `folder`, which the caller removes. */
export async function createAuthority(folder: string, authority: string): Promise<Authority> {
  const at = (file: string) => join(folder, `${authority}-${file}`)
  const openssl = (...args: string[]) => capture('openssl', args)
  const caFile = at('ca.pem')
  const caKeyFile = at('ca-key.pem')
  const subject = ['-subj', `/CN=${authority}`]
  await openssl('req', '-x509', ...KEY, '-keyout', caKeyFile, '-out', caFile, '-days', '2', ...subject)
  return {
    caFile,
    async sign(name) {
      const [keyFile, requestFile, certFile, extensionsFile] = ['key.pem', 'csr.pem', 'cert.pem', 'ext'].map((end) =>
        at(`${name}-${end}`),
      ) as [string, string, string, string]
      await writeFile(extensionsFile, 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n')
      await openssl('req', ...KEY, '-keyout', keyFile, '-out', requestFile, '-subj', `/CN=${name}`)
      const by = ['-CA', caFile, '-CAkey', caKeyFile, '-CAcreateserial', '-days', '2', '-extfile', extensionsFile]
      await openssl('x509', '-req', '-in', requestFile, '-out', certFile, ...by)
      return { certFile, keyFile }
    },
  }
}
