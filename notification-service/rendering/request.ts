// Checks the data that a request sends for a template against the template's schema, before anything is stored.
import { type FieldFault, fieldFaultsOf, RejectedError } from '@orders/shared/runtime'
import { Compile } from 'typebox/compile'
import { completed, type Data } from '../content.ts'
import { templates } from '../templates/schemas.ts'

const validators = new Map([...templates].map(([name, { data }]) => [name, Compile(data)]))

/**
 * The data, completed for rendering; the sample if none is given.
 *
 * @throws RejectedError 404 `no_such_template`, which names the existing ones; 400 `invalid_input` with every faulty
 * field.
 */
export function dataFor(template: string, given: Data | undefined): Data {
  const declared = templates.get(template)
  if (!declared)
    throw new RejectedError(
      404,
      'no_such_template',
      `no template ${template}; there is ${[...templates.keys()].join(', ')}`,
    )
  const { data: schema, sample } = declared
  if (given === undefined) return completed(schema, sample)
  const faults = [...(validators.get(template)?.Errors(given) ?? [])]
  if (faults.length > 0) throw faulty(fieldFaultsOf(faults, ['data']))
  return completed(schema, given)
}

export function faulty(errors: FieldFault[]): RejectedError {
  const message = errors.map((error) => `${error.field} ${error.message}`).join('; ')
  return new RejectedError(400, 'invalid_input', message, { errors })
}
