// .env.example: every variable of every service, with its default and what it means, from the schemas that read them.
import { CommonConfig, variableOf } from '@orders/shared/runtime'
import type { TObject, TSchema } from 'typebox'
import { AuditConfig } from '../../audit-service/config.ts'
import { InventoryConfig } from '../../inventory-service/config.ts'
import { NotificationConfig } from '../../notification-service/config.ts'
import { OrderConfig } from '../../order-service/config.ts'
import { PaymentConfig } from '../../payment-service/config.ts'
import { ShippingConfig } from '../../shipping-service/config.ts'

export const serviceConfigs: Record<string, TObject> = {
  'order-service': OrderConfig,
  'inventory-service': InventoryConfig,
  'payment-service': PaymentConfig,
  'shipping-service': ShippingConfig,
  'notification-service': NotificationConfig,
  'audit-service': AuditConfig,
}

export function envExample(): string {
  const common = section('Every service', Object.entries(CommonConfig.properties))
  const own = Object.entries(serviceConfigs).map(([service, schema]) =>
    section(
      service,
      Object.entries<TSchema>(schema.properties).filter(([name]) => !(name in CommonConfig.properties)),
    ),
  )
  const head = '# Every variable there is. A commented one shows its default, or is unset by default.\n'
  return [head, common, ...own.filter((text) => text !== '')].join('\n')
}

function section(title: string, properties: [string, TSchema][]): string {
  if (properties.length === 0) return ''
  return `# ---- ${title} ----\n\n${properties.map(([name, schema]) => variable(name, schema)).join('\n')}`
}

function variable(name: string, schema: TSchema): string {
  const description = 'description' in schema ? `# ${schema.description}\n` : ''
  const value = 'default' in schema ? String(schema.default) : ''
  return `${description}#${variableOf(name)}=${value}\n`
}
