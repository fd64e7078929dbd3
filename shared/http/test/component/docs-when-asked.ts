// Started by docs-when-asked.test.ts as a process of its own: which modules of Swagger a server loads at start, and which when it is asked.

import { createRequire } from 'node:module'
import { registry } from '../../../contracts/index.ts'
import { createLog } from '../../../runtime/log.ts'
import { createMetrics } from '../../../service/metrics.ts'
import { createHttp } from '../../http.ts'

const { cache } = createRequire(import.meta.url)
const loaded = () => Object.keys(cache).filter((path) => path.includes('/@fastify/swagger'))

const log = await createLog({ service: 'test-service', level: 'silent', pretty: false })
const metrics = createMetrics('test-service', registry, () => undefined)
const about = { service: 'test-service', version: '1.2.3', summary: 'A test.' }
const app = await createHttp({ ...about, log, metrics, faults: async () => [] })
await app.ready()
const atStart = loaded()
const { statusCode } = await app.inject('/docs/json')
process.stdout.write(JSON.stringify({ atStart, statusCode, whenAsked: loaded().length > 0 }))
await app.close()
