// RabbitMQ 4 in a private folder, beside whatever the machine has: Debian 13's packages, unpacked and not installed.

import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { aptGet, canInstallPackages, installPackages } from '../apt.mjs'
import { capture } from '../processes/child.ts'
import type { RabbitInstallation } from './install.ts'

const suite = 'trixie'
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

const programs: Record<string, string> = {
  'rabbitmq-server': '/usr/lib/rabbitmq/bin/rabbitmq-server',
  rabbitmqctl: '/usr/lib/rabbitmq/bin/rabbitmqctl',
  epmd: '/usr/bin/epmd',
}

/**
 * Debian's programs expect themselves in /usr, together with their own libraries. Each gets that, and nobody else: its
 * /usr is the unpacked one, in a mount namespace that ends with the process. Everything else, paths included, stays.
 */
const wrapper = (program: string) => `#!/bin/sh
usr=$(dirname "$(dirname "$(readlink -f "$0")")")/root/usr
exec unshare --mount /bin/sh -c 'mount --bind "$0" /usr && exec ${program} "$@"' "$usr" "$@"
`

/**
 * Fetches it once, about 80 MB, into .data/rabbitmq4; later calls find it there.
 * @throws an Error where that is not possible, with the reason
 */
export async function fetchRabbit4(say: (line: string) => void, signal: AbortSignal): Promise<RabbitInstallation> {
  if (!canInstallPackages())
    throw new Error(
      'RabbitMQ 4 is unpacked from Debian 13 and run with its own /usr: Debian or Ubuntu, and root, are needed.',
    )
  const dir = resolve('.data/rabbitmq4')
  if (!existsSync(dir)) await fetchInto(dir, say, signal)
  const bin = join(dir, 'bin')
  say(`RabbitMQ ${await versionIn(dir)} of Debian 13, in .data/rabbitmq4.`)
  return { bin, epmd: join(bin, 'epmd') }
}

/** By the name of its folder: asked for its version, rabbitmqctl would leave an epmd running. */
async function versionIn(dir: string): Promise<string> {
  const names = await readdir(join(dir, 'root/usr/lib/rabbitmq/lib'))
  return names.map((name) => name.replace('rabbitmq_server-', '')).join(', ')
}

async function fetchInto(dir: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  if (!existsSync(keyring)) {
    say("Installing Debian's keys, to check what is fetched: apt-get install debian-archive-keyring …")
    await installPackages(['debian-archive-keyring'], { signal })
  }
  say('Fetching RabbitMQ 4: the packages of Debian 13 (once, about 80 MB) …')
  await mkdir('.data', { recursive: true })
  const unfinished = await mkdtemp(`${dir}-`)
  try {
    const packages = await download(join(unfinished, 'apt'), signal)
    for (const file of packages) await capture('dpkg-deb', ['-x', file, join(unfinished, 'root')], { signal })
    await rm(join(unfinished, 'apt'), { recursive: true })
    await mkdir(join(unfinished, 'bin'))
    for (const [name, program] of Object.entries(programs)) {
      await writeFile(join(unfinished, 'bin', name), wrapper(program))
      await chmod(join(unfinished, 'bin', name), 0o755)
    }
    await rename(unfinished, dir)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** By an apt that knows Debian 13 only and thinks that nothing is installed; the machine's own is left alone. */
async function download(dir: string, signal: AbortSignal): Promise<string[]> {
  const archives = join(dir, 'cache', 'archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await mkdir(join(dir, 'state', 'lists', 'partial'), { recursive: true })
  await writeFile(join(dir, 'status'), '')
  await writeFile(join(dir, 'sources.list'), `deb [signed-by=${keyring}] ${await mirror()} ${suite} main\n`)
  const settings = {
    'Dir::State': join(dir, 'state'),
    'Dir::State::status': join(dir, 'status'),
    'Dir::Cache': join(dir, 'cache'),
    'Dir::Etc::SourceList': join(dir, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    // The user that apt otherwise becomes may not be let into this folder.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await aptGet([...options, 'update'], signal)
  // Nothing depends on the essential packages, since they are always there: the shell that starts RabbitMQ is one.
  const wanted = ['rabbitmq-server', '?essential']
  await aptGet([...options, 'install', '-y', '--download-only', '--no-install-recommends', ...wanted], signal)
  const names = await readdir(archives)
  return names.filter((name) => name.endsWith('.deb')).map((name) => join(archives, name))
}

/** What DEBIAN_MIRROR names, or the one that this machine has its own packages from, if it is a Debian. */
async function mirror(): Promise<string> {
  if (process.env.DEBIAN_MIRROR) return process.env.DEBIAN_MIRROR
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)'
  const listed = await capture('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const own = /^Debian Debian (http\S+)$/m.exec(listed)?.[1]
  if (own === undefined)
    throw new Error('This machine has no packages from Debian: set DEBIAN_MIRROR to the URL of a Debian mirror.')
  return own
}
