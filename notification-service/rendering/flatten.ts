// Turns a template file and everything that it includes into one flat template. Partials and layout are inserted.
// Values that are known at this point (words of the locale, theme, a partial's arguments) become plain text. Only the
// data of each message is left, so rendering is fast, and the check sees only paths.
import Handlebars from 'handlebars'

export type Program = hbs.AST.Program
export type Expression =
  | hbs.AST.PathExpression
  | hbs.AST.SubExpression
  | hbs.AST.StringLiteral
  | hbs.AST.NumberLiteral
  | hbs.AST.BooleanLiteral
type Partial = hbs.AST.PartialStatement | hbs.AST.PartialBlockStatement
type Content = Omit<hbs.AST.ContentStatement, 'original'> & { original: string }
export type Statement =
  | hbs.AST.MustacheStatement
  | hbs.AST.BlockStatement
  | Content
  | hbs.AST.CommentStatement
  | Partial

export interface Source {
  /** The file that `{{> name}}` includes. */
  partial(name: string): Program | undefined
  /** `@words` and `@theme`: texts by name. */
  texts: Record<string, Record<string, string>>
  /** `escaped` writes a known value into the template. `carried` makes the resulting text fit for a mail. */
  escaped(text: string): string
  carried(text: string): string
  fault(node: hbs.AST.Node, message: string): void
}

interface Block {
  body: Program
  outer: Block | undefined
}

interface Place {
  /** The arguments of the current file, given as name=value. */
  given: ReadonlyMap<string, Expression>
  /** What `{{> @partial-block}}` shows. */
  block?: Block | undefined
  depth: number
}

const DEPTH_MAX = 20

export function statementsOf(program: Program | undefined): Statement[] {
  // The cast is needed because the parser's types do not list the kinds of statements.
  return (program?.body ?? []) as Statement[]
}

export function flatten(program: Program, source: Source): Program {
  return flattened(program, { given: new Map(), depth: 0 }, source)
}

function flattened(program: Program, place: Place, source: Source): Program {
  const body = statementsOf(program).flatMap((statement) => inPlace(statement, place, source))
  return {
    ...program,
    body: joined(body).map((one) => (isText(one) ? { ...one, value: source.carried(one.value) } : one)),
  }
}

/** Joins adjacent texts. */
function joined(statements: Statement[]): Statement[] {
  const body: Statement[] = []
  for (const statement of statements) {
    const last = body.at(-1)
    if (isText(statement) && isText(last)) body.splice(-1, 1, { ...last, value: last.value + statement.value })
    else body.push(statement)
  }
  return body
}

function isText(statement: Statement | undefined): statement is Content {
  return statement?.type === 'ContentStatement'
}

function inPlace(statement: Statement, place: Place, source: Source): Statement[] {
  if (statement.type === 'CommentStatement') return []
  if (statement.type === 'MustacheStatement') return [shown(statement, place, source)]
  if (statement.type === 'BlockStatement') return chosen(statement, place, source)
  if (statement.type === 'PartialStatement' || statement.type === 'PartialBlockStatement')
    return included(statement, place, source)
  return [statement]
}

function shown(statement: hbs.AST.MustacheStatement, place: Place, source: Source): Statement {
  const params = statement.params.map((param) => settled(param as Expression, place, source))
  const path = params.length > 0 ? statement.path : settled(statement.path as Expression, place, source)
  if (path.type !== 'StringLiteral' || !('value' in path)) return { ...statement, path, params }
  const value = source.escaped(String(path.value))
  return { type: 'ContentStatement', value, original: value, loc: statement.loc }
}

/** If the condition is known at this point, the chosen branch replaces its block. */
function chosen(block: hbs.AST.BlockStatement, place: Place, source: Source): Statement[] {
  const params = block.params.map((param) => settled(param as Expression, place, source))
  const [condition] = params
  const name = block.path.original
  if ((name === 'if' || name === 'unless') && condition && 'value' in condition) {
    const branch = Boolean(condition.value) === (name === 'if') ? block.program : block.inverse
    return branch ? statementsOf(flattened(branch, place, source)) : []
  }
  // Inside a list `this` is the item, so the file's arguments are out of scope.
  const inside = name === 'each' ? { ...place, given: new Map() } : place
  const program = flattened(block.program, inside, source)
  return [{ ...block, params, program, ...(block.inverse && { inverse: flattened(block.inverse, place, source) }) }]
}

function included(partial: Partial, place: Place, source: Source): Statement[] {
  const name = 'original' in partial.name ? partial.name.original : ''
  const own = partial.hash?.pairs.map(({ key, value }) => [key, settled(value as Expression, place, source)] as const)
  const given = new Map([...place.given, ...(own ?? [])])
  const deeper = { given, depth: place.depth + 1 }
  const refused = (message: string) => {
    source.fault(partial, `{{> ${name}}} ${message}`)
    return []
  }
  if (partial.params.length > 0) return refused('takes its fields as name=value')
  if (place.depth > DEPTH_MAX) return refused('includes itself')
  if (name === '@partial-block') {
    if (!place.block) return refused('has nothing to show: this file is to be included as {{#> name}}…{{/name}}')
    return statementsOf(flattened(place.block.body, { ...deeper, block: place.block.outer }, source))
  }
  const program = source.partial(name)
  if (!program) return refused('is unknown')
  const block = partial.type === 'PartialBlockStatement' ? { body: partial.program, outer: place.block } : undefined
  return statementsOf(flattened(program, { ...deeper, block }, source))
}

/**
 * A text of the locale or theme, or an argument of the file. Otherwise the expression itself, for each message's data.
 */
function settled(expression: Expression, place: Place, source: Source): Expression {
  if (expression.type === 'SubExpression')
    return { ...expression, params: expression.params.map((param) => settled(param as Expression, place, source)) }
  if (expression.type !== 'PathExpression') return expression
  const [first = '', second = ''] = expression.parts
  const text = expression.data ? source.texts[first]?.[second] : undefined
  if (text !== undefined) return { type: 'StringLiteral', value: text, original: text, loc: expression.loc }
  const given =
    expression.data || expression.depth > 0 || expression.parts.length !== 1 ? undefined : place.given.get(first)
  return given ?? expression
}

/** @throws Error with the line, if the text is not valid Handlebars. */
export function parsed(text: string, path: string): Program {
  return Handlebars.parse(text, { srcName: path })
}
