// Starts audit-service.
import { run } from '@orders/shared/runtime'
import { auditService } from './service.ts'

await run(auditService)
