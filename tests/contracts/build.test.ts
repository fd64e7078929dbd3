// What the compiled services read at run time is in the build: migrations, templates, the console's page.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { INSTALLED_BESIDE, isReadAtRunTime, THREADS } from '../../scripts/building/contents.mjs'
import { files, paths } from '../architecture/source.ts'

it('the build carries every file of a service that is neither code nor documentation', () => {
  const wanted = paths.filter(
    (path) => /^([a-z]+-service|shared)\//.test(path) && !/(^|\/)(test|testing|node_modules)\//.test(path),
  )
  const imported = new Set(files.flatMap(({ path, imports }) => imports.map((name) => join(dirname(path), name))))
  const left = wanted.filter(
    (path) => !/\.(ts|md)$|\/(package|tsconfig)\.json$/.test(path) && !isReadAtRunTime(path) && !imported.has(path),
  )
  expect(left).toEqual(THREADS)
  expect(paths.filter(isReadAtRunTime)).toContain('notification-service/templates/order.paid/en/mail.hbs')
})

it('the packages that the build leaves out lie where every built file finds them, and in no workspace’s own folder', () => {
  expect(INSTALLED_BESIDE.filter((name) => !existsSync(join('node_modules', name)))).toEqual([])
})
