// `npm run package`: the kernel as an npm package, for a choreography of your own.
import { packKernel } from './building/kernel.ts'

const path = await packKernel('build/kernel', 'build')
process.stdout.write(`packed: npm install ${path}\n`)
