// Finds RabbitMQ on this machine, and installs it where the project may.
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { canInstallPackages, installPackages } from '../apt.mjs'
import { capture } from '../processes/child.ts'

export interface RabbitInstallation {
  /** The folder with rabbitmq-server and rabbitmqctl. */
  bin: string
  epmd: string
}

export const waysToGetABroker = `RabbitMQ is needed, and none was found. Any of these will do, then run the same command again:
  - set AMQP_URL to a broker you have, for example AMQP_URL=amqp://guest:guest@localhost:5672
  - start one that listens on localhost:5672
  - install it: sudo apt-get install rabbitmq-server, or brew install rabbitmq
  - start Docker`

export const waysToInstall = `RabbitMQ must be installed here, for a node that can be stopped and killed. Then run the same command again:
  Debian, Ubuntu: sudo apt-get install rabbitmq-server (as root the project does this by itself)
  macOS:          brew install rabbitmq`

/**
 * The one that RABBITMQ_BIN names; else where packages put it. Debian's /usr/sbin wrapper changes the user and loses the
 * environment, so it is last.
 * @throws an Error when RABBITMQ_BIN names a folder without it
 */
export function findRabbit(): RabbitInstallation | undefined {
  const chosen = process.env.RABBITMQ_BIN
  const path = [chosen ?? '', ...(process.env.PATH ?? '').split(delimiter)].filter(Boolean)
  const optional = existsSync('/opt') ? readdirSync('/opt').filter((name) => name.startsWith('rabbitmq')) : []
  const usual = [
    '/usr/lib/rabbitmq/bin',
    '/opt/homebrew/opt/rabbitmq/sbin',
    '/usr/local/opt/rabbitmq/sbin',
    ...optional.map((name) => join('/opt', name, 'sbin')),
    ...path,
  ]
  const folders = chosen ? [chosen] : usual
  const bin = folders.find((folder) => existsSync(join(folder, 'rabbitmq-server')))
  if (chosen && !bin) throw new Error(`RABBITMQ_BIN=${chosen} contains no rabbitmq-server.`)
  const epmd = findEpmd(path)
  if (!bin || !epmd) return undefined
  return { bin: dirname(realpathSync(join(bin, 'rabbitmq-server'))), epmd }
}

/**
 * The installed RabbitMQ; missing, it is installed by apt-get as root on Debian or Ubuntu.
 * @throws an Error with the text of `otherwise` where that is not possible
 */
export async function requireRabbit(
  say: (line: string) => void,
  otherwise: string,
  signal?: AbortSignal,
): Promise<RabbitInstallation> {
  const found = findRabbit()
  if (found) return found
  if (!canInstallPackages()) throw new Error(otherwise)
  say('Installing RabbitMQ: apt-get install rabbitmq-server (once, about a minute; its system service stays off) …')
  await installPackages(['rabbitmq-server'], { signal })
  // The package enables its service for the next boot, where it would take the port of the project's own node.
  if (existsSync('/run/systemd/system')) await capture('systemctl', ['disable', 'rabbitmq-server'])
  const installed = findRabbit()
  if (!installed) throw new Error('apt-get installed rabbitmq-server, but its programs were not found after that.')
  return installed
}

/** Erlang's name server comes with Erlang, and is not always on the path. */
function findEpmd(path: string[]): string | undefined {
  const direct = path.map((folder) => join(folder, 'epmd')).find((file) => existsSync(file))
  if (direct) return direct
  const erl = path.map((folder) => join(folder, 'erl')).find((file) => existsSync(file))
  if (!erl) return undefined
  const erlangRoot = dirname(dirname(realpathSync(erl)))
  const runtimes = readdirSync(erlangRoot).filter((name) => name.startsWith('erts-'))
  return runtimes.map((name) => join(erlangRoot, name, 'bin', 'epmd')).find((file) => existsSync(file))
}
