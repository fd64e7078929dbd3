// docker-compose.yml and the Dockerfile say what the services are: their ports, their commands, their variables.
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { orders } from '@orders/shared/contracts'
import { CommonConfig, readConfig, variableOf } from '@orders/shared/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { serviceConfigs } from '../../scripts/generate/env-example.ts'

interface ComposeService {
  image: string
  command?: string[]
  environment?: Record<string, string | number>
  stop_grace_period?: string
  ports?: string[]
  volumes?: string[]
  profiles?: string[]
  healthcheck?: { test: string[] }
  depends_on?: Record<string, { condition: string }>
}

let services: Record<string, ComposeService>
let volumes: Record<string, unknown>

beforeAll(async () => {
  const file = parse(await readFile('docker-compose.yml', 'utf8'), { merge: true })
  services = file.services
  volumes = file.volumes
})

const own = orders.services

describe.each(own.map((name, place) => ({ name, port: 8080 + place })))('$name', ({ name, port }) => {
  it('runs its own main file from the common image', () => {
    const command = ['node', '--enable-source-maps', `${name}/main.js`]
    expect(services[name]).toMatchObject({ image: 'order-choreography', command })
    expect(existsSync(`${name}/main.ts`)).toBe(true)
  })

  it('writes to its volume and /tmp alone, without any capability, and may become nobody else', () => {
    expect(services[name]).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  })

  it('has longer to stop than it takes', () => {
    const { shutdownMs } = readConfig(CommonConfig, {})
    expect(Number.parseInt(services[name]?.stop_grace_period ?? '', 10) * 1_000).toBeGreaterThan(shutdownMs + 1_000)
  })

  it('is published on the host’s loopback alone, on its port', () => {
    expect(services[name]?.ports).toEqual([`127.0.0.1:${port}:${port}`])
  })

  it('has a volume of its own, the port that the image’s health check asks, and waits for the broker', () => {
    expect(services[name]?.volumes).toEqual([`${name.replace('-service', '')}-data:/data`])
    expect(services[name]?.environment?.PORT).toBe(port)
    expect(services[name]?.healthcheck).toBeUndefined()
    expect(services[name]?.depends_on).toEqual({ rabbitmq: { condition: 'service_healthy' } })
  })

  it('sets only variables that it reads, and the tokens it cannot start without', () => {
    const known = Object.keys(serviceConfigs[name]?.properties ?? {}).map(variableOf)
    const set = Object.keys(services[name]?.environment ?? {})
    expect(set.filter((variable) => !known.includes(variable))).toEqual([])
    expect(services[name]?.environment?.HOST).toBe('0.0.0.0')
    // Empty counts as unset, which is SQLite on the volume.
    expect(services[name]?.environment?.DATABASE_URL).toMatch(/^\$\{DATABASE_URL:-\}$/)
    expect(services[name]?.environment?.OPERATOR_TOKENS).toMatch(/^\$\{OPERATOR_TOKENS:\?/)
    // On a volume of its own each would make another, and open nobody's keys but its own.
    expect(services[name]?.environment?.MASTER_KEY).toMatch(/^\$\{MASTER_KEY:\?/)
  })
})

it('has RabbitMQ 4 with management, Mailpit, and PostgreSQL as a profile, each healthy by its own check', () => {
  expect(Object.keys(services).sort()).toEqual([...own, 'mailpit', 'postgres', 'rabbitmq'].sort())
  expect(services.rabbitmq?.image).toMatch(/^rabbitmq:4\.\d+\.\d+-management$/)
  expect(services.mailpit?.image).toMatch(/^axllent\/mailpit:v\d/)
  expect(services.postgres?.profiles).toEqual(['postgres'])
  expect(services.postgres?.environment?.POSTGRES_USER).toBe('orders')
  for (const name of ['mailpit', 'postgres', 'rabbitmq'])
    expect(services[name]?.healthcheck?.test.length).toBeGreaterThan(1)
  // An image's tag names its patch, so that the same file brings up the same system next month.
  const foreign = Object.values(services).flatMap(({ image }) => (image === 'order-choreography' ? [] : [image]))
  expect(foreign.filter((image) => !/:v?\d+\.\d+(\.\d+)?(-\w+)?$/.test(image))).toEqual([])
})

it('publishes nothing beyond loopback, and every volume belongs to one service', () => {
  const ports = Object.values(services).flatMap((service) => service.ports ?? [])
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  const used = Object.values(services)
    .flatMap((service) => service.volumes ?? [])
    .map((volume) => volume.split(':')[0])
  expect([...used].sort()).toEqual(Object.keys(volumes).sort())
})

it('the image is built from what exists, listens beyond its loopback and does not run as root', async () => {
  const dockerfile = await readFile('Dockerfile', 'utf8')
  expect(dockerfile).toMatch(/^USER node$/m)
  expect(dockerfile).toMatch(/HOST=0\.0\.0\.0/)
  expect(dockerfile).toContain('npm run build')
  expect([...dockerfile.matchAll(/^FROM (node:\S+)/gm)].map(([, image]) => image)).toEqual(
    Array(2).fill('node:22.20.0-bookworm-slim'),
  )
  expect(dockerfile).toMatch(/^HEALTHCHECK [^\n]+\n.*\$\{process\.env\.PORT\}\/health\/ready/m)
  expect(dockerfile).toMatch(/^LABEL org\.opencontainers\.image\.title="order-choreography"/m)
  // The packages are installed before the code is copied.
  expect(dockerfile.indexOf('npm ci --omit=dev')).toBeLessThan(dockerfile.indexOf('npm run build'))
  expect(readdirSync('.')).toContain('package-lock.json')
})
