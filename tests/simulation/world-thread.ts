// A thread that runs one world after the other, as it is told.
import { parentPort } from 'node:worker_threads'
import { simulate } from './simulate.ts'
import type { Options } from './world.ts'

const PLACED_PER_NEWS = 50

process.setSourceMapsEnabled(false)
parentPort?.on('message', async (options: Options) => {
  const report = await simulate(options, (progress) => {
    if (progress.placed % PLACED_PER_NEWS === 0) parentPort?.postMessage({ progress })
  })
  parentPort?.postMessage({ report })
})
