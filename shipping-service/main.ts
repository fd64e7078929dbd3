// Starts shipping-service.
import { run } from '@orders/shared/runtime'
import { shippingService } from './service.ts'

await run(shippingService)
