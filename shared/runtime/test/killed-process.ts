// Says three lines, and is killed before it could do anything else.
import { createLog } from '../log.ts'

const log = await createLog({ service: 'order-service', level: 'info', pretty: false })
for (let line = 1; line <= 3; line++) log.info({ line }, 'told')
process.kill(process.pid, 'SIGKILL')
