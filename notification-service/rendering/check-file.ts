// Walks a flat template and reports everything in it that would fail, or show nothing, when a message is rendered.
import { type Expression, type Program, type Statement, statementsOf } from './flatten.ts'
import { signatures } from './formats.ts'
import { flag, knowing, number, type Scope, type Seen, text } from './scope.ts'

export type Fault = (node: hbs.AST.Node, message: string) => void

export function checkProgram(program: Program | undefined, scope: Scope, fault: Fault): void {
  for (const statement of statementsOf(program)) checkStatement(statement, scope, fault)
}

function checkStatement(statement: Statement, scope: Scope, fault: Fault): void {
  if (statement.type === 'MustacheStatement') checkShown(statement, scope, fault)
  else if (statement.type === 'BlockStatement') checkBlock(statement, scope, fault)
  else if (statement.type !== 'ContentStatement') fault(statement, `${statement.type} is not for these templates`)
}

function checkShown(statement: hbs.AST.MustacheStatement, scope: Scope, fault: Fault): void {
  const shown = nameOf(statement.path as Expression)
  if (!statement.escaped) fault(statement, `{{{${shown}}}} is not escaped: use two braces`)
  const isCall = statement.params.length > 0 || isFormat(shown)
  const seen = isCall ? seenOfCall(statement, scope, fault) : seenBy(statement.path as Expression, scope, fault)
  if (!seen) return
  checkPresent(statement, shown, seen, fault)
  if (seen.type === 'array' || seen.type === 'object') fault(statement, `{{${shown}}} is an ${seen.type}, not a text`)
}

function checkPresent(node: hbs.AST.Node, name: string, seen: Seen, fault: Fault): void {
  if (seen.isOptional) fault(node, `{{${name}}} may be missing: show it only inside {{#if ${name}}}`)
}

function checkBlock(block: hbs.AST.BlockStatement, scope: Scope, fault: Fault): void {
  const [condition] = block.params as Expression[]
  const name = block.path.original
  if (condition === undefined || !['if', 'unless', 'each'].includes(name))
    return fault(block, `{{#${name}}} is unknown; use if, unless or each`)
  const seen = seenBy(condition, scope, fault)
  if (name === 'each') {
    if (seen && seen.type !== 'array') fault(block, `{{#each ${nameOf(condition)}}} needs a list`)
    if (seen) checkPresent(block, nameOf(condition), seen, fault)
    checkProgram(block.program, inside(scope, seen?.items), fault)
    return checkProgram(block.inverse, scope, fault)
  }
  const present = isField(condition) ? knowing(scope, nameOf(condition)) : scope
  checkProgram(block.program, name === 'if' ? present : scope, fault)
  checkProgram(block.inverse, name === 'if' ? scope : present, fault)
}

function isField(condition: Expression): boolean {
  return condition.type === 'PathExpression' && condition.depth === 0 && condition.parts.length === 1
}

function inside(scope: Scope, item: Seen | undefined): Scope {
  const data = new Map([...scope.data, ['first', flag], ['last', flag], ['index', number]] as const)
  return { here: item ?? text, outer: scope, data }
}

function seenBy(expression: Expression, scope: Scope, fault: Fault): Seen | undefined {
  if (expression.type === 'StringLiteral') return { ...text, choices: [expression.value] }
  if (expression.type === 'NumberLiteral') return number
  if (expression.type === 'BooleanLiteral') return flag
  if (expression.type === 'SubExpression') return seenOfCall(expression, scope, fault)
  return seenAt(expression, scope, fault)
}

function seenAt(path: hbs.AST.PathExpression, scope: Scope, fault: Fault): Seen | undefined {
  let from: Scope | undefined = scope
  for (let depth = path.depth; depth > 0; depth--) from = from?.outer
  if (!from) return unknown(path, 'leads nowhere', fault)
  let seen: Seen = path.data ? { type: 'object', isOptional: false, fields: from.data } : from.here
  for (const part of path.parts) {
    const field: Seen | undefined = seen.fields?.get(part)
    if (!field) return unknown(path, `is not in the schema; there is ${namesIn(seen)}`, fault)
    checkPresent(path, path.original, seen, fault)
    seen = field
  }
  return seen
}

function unknown(path: hbs.AST.PathExpression, why: string, fault: Fault): undefined {
  fault(path, `{{${path.original}}} ${why}`)
}

const namesIn = ({ fields }: Seen) => [...(fields?.keys() ?? [])].join(', ') || 'nothing in it'

type Call = hbs.AST.SubExpression | hbs.AST.MustacheStatement

function seenOfCall(call: Call, scope: Scope, fault: Fault): Seen | undefined {
  const name = nameOf(call.path as Expression)
  const signature = isFormat(name) ? signatures[name] : undefined
  if (!signature) {
    fault(call, `{{${name} …}} is unknown; there is ${Object.keys(signatures).join(', ')}`)
    return undefined
  }
  const params = call.params as Expression[]
  if (params.length !== signature.takes.length) fault(call, `{{${name}}} takes ${signature.takes.length} values`)
  const given = params.map((param, index) => {
    const seen = seenBy(param, scope, fault)
    if (seen) checkPresent(param, nameOf(param), seen, fault)
    const wanted = signature.takes[index]
    if (seen && wanted !== undefined && seen.type !== wanted)
      fault(param, `{{${name} ${nameOf(param)}}} needs ${wanted}, not ${seen.type}`)
    return seen
  })
  if (name === 'eq') checkChoice(call, given, fault)
  return { type: signature.gives, isOptional: false }
}

/** A comparison with a value that the field cannot have is a typing error. */
function checkChoice(node: hbs.AST.Node, [one, other]: (Seen | undefined)[], fault: Fault): void {
  if (one?.choices && other?.choices && !one.choices.some((choice) => other.choices?.includes(choice)))
    fault(node, `{{eq}} is never true: ${other.choices.join(', ')} is not one of ${one.choices.join(', ')}`)
}

function isFormat(name: string): name is keyof typeof signatures {
  return Object.hasOwn(signatures, name)
}

function nameOf(expression: Expression): string {
  return 'original' in expression ? String(expression.original) : '(…)'
}
