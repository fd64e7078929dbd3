// Starts inventory-service.
import { run } from '@orders/shared/runtime'
import { inventoryService } from './service.ts'

await run(inventoryService)
