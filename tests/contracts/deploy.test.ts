// deploy/ says what the services are: every one of the list, with its port, its settings, and time enough to stop.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { channels, services, topology } from '@orders/shared/contracts'
import { CommonConfig, readConfig, variableOf } from '@orders/shared/runtime'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

interface Container {
  image: string
  command?: string[]
  ports: { name: string; containerPort: number }[]
  env: { name: string; value?: string }[]
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
  lifecycle: { preStop: { sleep: { seconds: number } } }
  resources: { requests: object; limits: { memory: string } }
  securityContext: object
  volumeMounts: { name: string; mountPath: string }[]
}

interface Probe {
  httpGet: { path: string; port: string }
}

interface Pod {
  serviceAccountName?: string
  terminationGracePeriodSeconds: number
  securityContext: object
  containers: Container[]
  volumes: { name: string; persistentVolumeClaim?: { claimName: string } }[]
}

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string }
  spec?: {
    template?: { spec: Pod }
    selector?: object
    scaleTargetRef?: { name: string }
    minReplicaCount?: number
    triggers?: { type: string; metadata: { queueName: string } }[]
    secretTargetRef?: { name: string; key: string }[]
  }
  data?: Record<string, string>
  resources?: string[]
  patches?: { target: { kind: string; name?: string }; patch: string }[]
}

const ROOT = 'deploy/kubernetes'
const SECRET = ['AMQP_URL', 'OPERATOR_TOKENS', 'CUSTOMER_TOKENS', 'DATABASE_URL', 'MASTER_KEY']
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.yaml'))
const read = (path: string): Manifest[] =>
  parseAllDocuments(readFileSync(join(ROOT, path), 'utf8')).map((document) => {
    expect([path, document.errors]).toEqual([path, []])
    return document.toJS()
  })
const all = new Map(files.map((path) => [path, read(path)]))
const inFolder = (folder: string) =>
  [...all].flatMap(([path, manifests]) => (path.startsWith(`${folder}/`) ? manifests : []))
const named = (folder: string, kind: string, name: string) =>
  inFolder(folder).find((manifest) => manifest.kind === kind && manifest.metadata?.name === name)
const variables = Object.keys(CommonConfig.properties).map(variableOf)
const { shutdownMs } = readConfig(CommonConfig, {})

it('every file is part of a kustomization, and every part of one is there', () => {
  const kustomizations = files.filter((path) => path.endsWith('/kustomization.yaml'))
  expect(kustomizations.sort()).toEqual(
    ['base', 'overlays/cluster', 'overlays/one-node'].map((folder) => `${folder}/kustomization.yaml`),
  )
  const parts = kustomizations.flatMap((path) =>
    (read(path)[0]?.resources ?? []).map((resource) => join(path, '..', resource)),
  )
  expect(parts.filter((part) => !existsSync(join(ROOT, part)))).toEqual([])
  expect([...kustomizations, ...parts.filter((part) => part.endsWith('.yaml'))].sort()).toEqual(files.toSorted())
})

it('names every object once in a folder, and patches what there is', () => {
  for (const folder of ['base', 'overlays/cluster', 'overlays/one-node']) {
    const objects = inFolder(folder).filter(({ kind }) => kind !== 'Kustomization')
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(names).toEqual([...new Set(names)])
  }
  for (const path of files.filter((one) => one.endsWith('kustomization.yaml')))
    for (const { target, patch } of read(path)[0]?.patches ?? []) {
      expect(
        inFolder('base').some(
          ({ kind, metadata }) => kind === target.kind && metadata.name === (target.name ?? metadata.name),
        ),
      ).toBe(true)
      expect(parseAllDocuments(patch).flatMap(({ errors }) => errors)).toEqual([])
    }
})

describe.each(services.map((noun, place) => ({ noun, port: 8080 + place })))('$noun-service', ({ noun, port }) => {
  const name = `${noun}-service`
  const pod = named('base', 'Deployment', name)?.spec?.template?.spec
  const [container] = pod?.containers ?? []

  it('runs its own main file from the image of the Dockerfile, on its port', () => {
    expect(container).toMatchObject({
      image: 'order-choreography',
      command: ['node', '--enable-source-maps', `${name}/main.js`],
      ports: [{ name: 'http', containerPort: port }],
      // All open the same keys of customers: one that made its own could not open the others'.
      env: [
        { name: 'PORT', value: String(port) },
        { name: 'MASTER_KEY', valueFrom: { secretKeyRef: { name: 'orders-secrets', key: 'MASTER_KEY' } } },
      ],
    })
    expect(named('base', 'Service', name)?.spec).toMatchObject({ ports: [{ port: 80, targetPort: 'http' }] })
  })

  it('is alive by one route and ready by another, and may take its time to start', () => {
    const asked = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe].map(
      (probe) => probe?.httpGet,
    )
    expect(asked).toEqual(['live', 'live', 'ready'].map((what) => ({ path: `/health/${what}`, port: 'http' })))
  })

  it('has longer to stop than it takes, so that no busy consumer is killed', () => {
    const waitsMs = (container?.lifecycle.preStop.sleep.seconds ?? Number.POSITIVE_INFINITY) * 1_000
    expect((pod?.terminationGracePeriodSeconds ?? 0) * 1_000).toBeGreaterThan(waitsMs + shutdownMs + 1_000)
  })

  it('is nobody special, and writes to its volume and /tmp alone', () => {
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(container?.volumeMounts.map(({ mountPath }) => mountPath)).toEqual(['/data', '/tmp'])
    expect(container?.resources).toMatchObject({
      requests: { cpu: expect.anything() },
      limits: { memory: expect.anything() },
    })
  })

  it('has a claim on one node, and on a cluster grows by its own queue and never goes all at once', () => {
    // The patch of the cluster replaces the first volume.
    expect(pod?.volumes[0]).toEqual({ name: 'data', persistentVolumeClaim: { claimName: `${noun}-data` } })
    expect(named('overlays/one-node', 'PersistentVolumeClaim', `${noun}-data`)).toBeDefined()
    const scaling = named('overlays/cluster', 'ScaledObject', name)?.spec
    expect(scaling).toMatchObject({ scaleTargetRef: { name }, minReplicaCount: 2 })
    const queues = scaling?.triggers?.map(({ metadata }) => metadata.queueName)
    const ofChannels = noun === 'notification' ? channels.map((channel) => `notification.${channel}.queue`) : []
    expect(queues).toEqual([`${noun}.queue`, ...ofChannels])
    expect(topology.queues.map((queue) => queue.name)).toEqual(expect.arrayContaining(queues ?? []))
    expect(named('overlays/cluster', 'PodDisruptionBudget', name)?.spec).toMatchObject({ maxUnavailable: 1 })
  })
})

it('settings are those that every service reads, and none that is secret', () => {
  const settings = named('base', 'ConfigMap', 'orders-settings')?.data ?? {}
  expect(Object.keys(settings).filter((name) => !variables.includes(name))).toEqual([])
  expect(Object.keys(settings).filter((name) => SECRET.includes(name))).toEqual([])
  expect(settings).toMatchObject({ HOST: '0.0.0.0', SHUTDOWN_MS: String(shutdownMs) })
  const patched = read('overlays/cluster/kustomization.yaml')[0]?.patches?.find(
    ({ target }) => target.kind === 'ConfigMap',
  )
  const [, added = ''] = /path: \/data\/(\w+)/.exec(patched?.patch ?? '') ?? []
  expect(variables).toContain(added)
  const key = named('overlays/cluster', 'TriggerAuthentication', 'orders-broker')?.spec?.secretTargetRef?.[0]?.key
  expect(variables).toContain(key)
})

it('copies of audit-service on several hosts sign by one key', () => {
  const patches = read('overlays/cluster/kustomization.yaml')[0]?.patches ?? []
  const [patch] = patches.flatMap(({ target, patch: text }) =>
    target.name === 'audit-service' ? [parseAllDocuments(text)[0]?.toJS()] : [],
  )
  const key = { name: 'orders-secrets', key: 'AUDIT_SIGNING_KEY' }
  const value = { name: 'AUDIT_SIGNING_KEY', valueFrom: { secretKeyRef: key } }
  expect(patch).toEqual([{ op: 'add', path: '/spec/template/spec/containers/0/env/-', value }])
})

describe('systemd', () => {
  const unit = (name: string) => {
    const sections = new Map<string, string[]>()
    let section: string[] = []
    for (const line of readFileSync(join('deploy', 'systemd', name), 'utf8').split('\n')) {
      const [, heading] = /^\[(\w+)\]$/.exec(line) ?? []
      if (heading !== undefined) {
        section = []
        sections.set(heading, section)
      } else if (line !== '' && !line.startsWith('#')) section.push(line)
    }
    return {
      sections,
      value: (key: string) =>
        [...sections.values()]
          .flat()
          .flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : [])),
    }
  }

  it('the target wants every service', () => {
    expect(unit('orders.target').value('Wants')).toEqual([services.map((noun) => `orders@${noun}.service`).join(' ')])
  })

  it('a unit says key=value in its three sections, runs a service, and gives it time to stop', () => {
    const { sections, value } = unit('orders@.service')
    expect([...sections.keys()]).toEqual(['Unit', 'Service', 'Install'])
    expect([...sections.values()].flat().filter((line) => !/^[A-Z]\w+=/.test(line))).toEqual([])
    expect(value('ExecStart')).toEqual(['/usr/bin/node --enable-source-maps /opt/orders/%i-service/main.js'])
    expect(Number(value('TimeoutStopSec')[0]) * 1_000).toBeGreaterThan(shutdownMs + 1_000)
    expect(value('NoNewPrivileges')).toEqual(['yes'])
    expect(value('CapabilityBoundingSet')).toEqual([''])
    // The just-in-time compiler needs memory that it writes and then runs.
    expect(value('MemoryDenyWriteExecute')).toEqual([])
    const set = value('Environment').flatMap((text) => text.split(' ').map((pair) => pair.split('=')[0]))
    expect(set.filter((name) => ![...variables, 'NODE_ENV'].includes(name ?? ''))).toEqual([])
  })
})
