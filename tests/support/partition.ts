// Cuts nodes of a cluster off from each other while they run: to Erlang a peer with another cookie is not there.
import type { RabbitNode } from '../../scripts/broker/node.ts'

/** From now on `node` sees none of the others, nor they it. */
export async function cutOff(node: RabbitNode, others: readonly RabbitNode[]): Promise<void> {
  await onEach(node, others, '{erlang:set_cookie(Node, cut_off), erlang:disconnect_node(Node)}')
}

/** They find each other again by themselves. */
export async function letIn(node: RabbitNode, others: readonly RabbitNode[]): Promise<void> {
  await onEach(node, others, 'erlang:set_cookie(Node, erlang:get_cookie())')
}

async function onEach(node: RabbitNode, others: readonly RabbitNode[], expression: string): Promise<void> {
  const names = others.map(({ name }) => `'${name}'`).join(', ')
  await node.rabbitmqctl(['eval', `[${expression} || Node <- [${names}]].`])
}
