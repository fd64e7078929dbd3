// What npm start prints once everything runs: the first things to try.
import type { Broker } from '../broker/ensure.ts'
import type { ServicePlan } from './plan.ts'

export function advice(plan: readonly ServicePlan[], broker: Broker, environment: NodeJS.ProcessEnv): string {
  // The first copy of a service stands for all of them.
  const url = (name: string) => plan.find(({ entry }) => entry.startsWith(name))?.url ?? ''
  const order = `{"orderId": "123", "user": "gayal", "items": ["item1", "item2"]}`
  const lines = [
    'All services are ready. Try:',
    '',
    '  place an order',
    `    curl -X POST ${url('order')}/orders -H 'Content-Type: application/json' -d '${order}'`,
    '  see its status',
    `    curl ${url('order')}/orders/123`,
    '  read its whole story',
    `    curl ${url('audit')}/audit/orders/123`,
    `  operator console     ${url('audit')}/#/orders/123`,
    `  the customer's mail  ${environment.DATA_DIR ?? '.data'}/mail`,
    ...(broker.managementUrl ? [`  RabbitMQ's console   ${broker.managementUrl} (guest / guest)`] : []),
    ...(broker.rabbitmqctl ? [`  its queues           ${broker.rabbitmqctl} list_queues`] : []),
    '',
    'Ctrl-C stops everything.',
  ]
  return `\n${lines.join('\n')}\n`
}
