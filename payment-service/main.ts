// Starts payment-service.
import { run } from '@orders/shared/runtime'
import { paymentService } from './service.ts'

await run(paymentService)
