// Installs Debian packages when the project may: in plain JavaScript, because it also runs before npm ci has.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const policyPath = '/usr/sbin/policy-rc.d'
const policy =
  '#!/bin/sh\n# Written by order-choreography while it installs a package, so that no service starts.\nexit 101\n'

/** True for root on Debian, Ubuntu and their kin: there, missing packages are installed instead of asked for. */
export function canInstallPackages() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get')
}

/**
 * Installs packages without starting any service they bring.
 * @param {string[]} packages
 * @param {{ signal?: AbortSignal }} [options] aborting is safe: apt finishes what would otherwise be left half installed
 * @throws an Error with apt's last lines
 */
export async function installPackages(packages, { signal } = {}) {
  const policyIsOurs = denyServiceStarts()
  try {
    // The package lists of a fresh machine are empty or old; without them apt finds nothing.
    await aptGet(['update'], signal)
    await aptGet(['install', '-y', '--no-install-recommends', ...packages], signal)
  } finally {
    if (policyIsOurs) rmSync(policyPath, { force: true })
  }
}

/**
 * Debian starts a service as soon as its package is installed; policy-rc.d is the one switch that stops this under
 * systemd, sysvinit and in containers alike. A policy that is already there belongs to the machine's owner and stays.
 */
function denyServiceStarts() {
  if (existsSync(policyPath)) return readFileSync(policyPath, 'utf8') === policy
  writeFileSync(policyPath, policy)
  chmodSync(policyPath, 0o755)
  return true
}

/**
 * Runs apt-get to its end.
 * @param {string[]} args
 * @param {AbortSignal} [signal] aborting is safe
 * @returns {Promise<void>}
 */
export function aptGet(args, signal) {
  const options = ['-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3']
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn('apt-get', [...options, ...args], {
      // Its own process group: a Ctrl-C would hit dpkg in the middle of unpacking.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    let output = ''
    const collect = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk).slice(-4000)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    // apt takes SIGINT while it downloads and ignores it while dpkg works.
    const interrupt = () => child.kill('SIGINT')
    signal?.addEventListener('abort', interrupt, { once: true })
    child.once('error', reject)
    child.once('close', (code) => {
      signal?.removeEventListener('abort', interrupt)
      if (signal?.aborted) reject(signal.reason)
      else if (code === 0) resolve()
      else reject(new Error(`apt-get ${args.join(' ')} failed:\n${output.trim().split('\n').slice(-15).join('\n')}`))
    })
  })
}
