// Starts order-service.
import { run } from '@orders/shared/runtime'
import { orderService } from './service.ts'

await run(orderService)
