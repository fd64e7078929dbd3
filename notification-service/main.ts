// Starts notification-service.
import { run } from '@orders/shared/runtime'
import { notificationService } from './service.ts'

await run(notificationService)
