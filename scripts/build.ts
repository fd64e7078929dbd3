// `npm run build`: the services as plain JavaScript in build/, for images and hosts without TypeScript.
import { buildServices } from './building/services.mjs'

await buildServices('build')
process.stdout.write('built into build/: cd build && npm ci --omit=dev && node order-service/main.js\n')
