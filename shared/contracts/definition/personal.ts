// Finds the personal fields of a message by the mark in its schema, and replaces all of them.
import type { TSchema } from 'typebox'

/**
 * `path` is the path of the field, such as `contact.email`. Undefined removes the field, which is allowed only if it is
 * optional.
 */
export type Replace = (text: string, path: string, isOptional: boolean) => string | undefined

/** The marked fields of one schema. */
export interface PersonalFields {
  /** Returns a copy of the data with each marked field replaced. */
  replace<Data>(data: Data, replace: Replace): Data
}

interface Tree {
  isPersonal: boolean
  isOptional: boolean
  properties: [string, Tree][]
  items: Tree | undefined
}

type Schema = TSchema & {
  'x-personal'?: boolean
  properties?: Record<string, Schema>
  required?: readonly string[]
  items?: Schema
}

/** Undefined if no field is marked. */
export function personalFieldsOf(schema: TSchema): PersonalFields | undefined {
  const tree = treeOf(schema, false)
  if (!tree) return undefined
  // The shape stays: a text is replaced by a text, and only optional fields are removed. So the cast is safe.
  return { replace: <Data>(data: Data, replace: Replace) => replaced(tree, data, '', replace) as Data }
}

function treeOf(schema: Schema, isOptional: boolean): Tree | undefined {
  const isPersonal = schema['x-personal'] === true
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, inner]): [string, Tree][] => {
    const tree = treeOf(inner, !schema.required?.includes(name))
    return tree ? [[name, tree]] : []
  })
  const items = schema.items && treeOf(schema.items, false)
  return isPersonal || properties.length > 0 || items ? { isPersonal, isOptional, properties, items } : undefined
}

function replaced(tree: Tree, value: unknown, path: string, replace: Replace): unknown {
  if (tree.isPersonal) return typeof value === 'string' ? replace(value, path, tree.isOptional) : value
  const { items } = tree
  if (Array.isArray(value))
    return items ? value.map((inner, index) => replaced(items, inner, `${path}[${index}]`, replace)) : value
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = { ...value }
  for (const [name, inner] of tree.properties) {
    if (!(name in copy)) continue
    const after = replaced(inner, copy[name], path === '' ? name : `${path}.${name}`, replace)
    if (after === undefined) delete copy[name]
    else copy[name] = after
  }
  return copy
}
