// Parses AMQP_URL into one URL for each host.
import { BrokenError } from '../runtime/errors.ts'

/**
 * The hosts in an AMQP_URL: several URLs, or one URL with several hosts, separated by commas
 * (`amqp://user:secret@one,two:5673/vhost`).
 */
export function brokerUrls(text: string): string[] {
  return text.split(/,(?=\s*amqps?:\/\/)/).flatMap((url) => {
    const [, scheme, login = '', list = '', rest] =
      /^(amqps?:\/\/)([^@/]*@)?([^@/?]+)((?:[/?].*)?)$/.exec(url.trim()) ?? []
    const hosts = list
      .split(',')
      .map((host) => host.trim())
      .filter((host) => host !== '')
    if (hosts.length === 0)
      throw new BrokenError('amqp_url', 'AMQP_URL must look like amqp://user:password@host:5672/vhost')
    return hosts.map((host) => `${scheme}${login}${host}${rest}`)
  })
}
