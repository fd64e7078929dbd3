// Says which ports it was given, and lives on until whoever started it lets go of it.
import { freePorts } from '../ports.ts'

process.send?.(await freePorts(20))
process.on('disconnect', () => process.exit())
