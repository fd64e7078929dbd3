// Small disks for the services' data, which can be full: a tmpfs each, whose limit is set to what is used. Needs root.
import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { capture } from '../../scripts/processes/child.ts'

export interface Disks {
  /** False where nothing may be mounted: then the services' data lies on the machine's own disk. */
  areSmall: boolean
  fill(service: string): Promise<void>
  free(service: string): Promise<void>
  /** Unmounts all. */
  remove(): Promise<void>
}

const SIZE = '8g'
const PAGE_BYTES = 4_096

/** A folder for each of `services` below `folder`, mounted where that is possible and `wanted` names it. */
export async function prepareDisks(folder: string, services: string[], wanted: string[]): Promise<Disks> {
  const pathOf = (service: string) => join(folder, service)
  const mounted: string[] = []
  for (const service of services) await mkdir(pathOf(service), { recursive: true })
  const remove = async () => {
    for (const service of mounted.splice(0)) await capture('umount', ['--lazy', pathOf(service)])
  }
  try {
    for (const service of wanted) {
      await capture('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', pathOf(service)])
      mounted.push(service)
    }
  } catch {
    // Not root, or a system without tmpfs: the run says that it goes without full disks.
    await remove()
  }
  const resize = (service: string, size: string) =>
    capture('mount', ['-o', `remount,size=${size}`, pathOf(service)]).then(() => undefined)

  /** Something may be written between the look and the remount, which then is refused: so it is tried again. */
  async function fill(service: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { blocks, bfree, bsize } = await statfs(pathOf(service))
      const refused = await resize(service, String((blocks - bfree) * bsize + PAGE_BYTES)).then(
        () => undefined,
        (error: Error) => error,
      )
      if (!refused) return
      if (tries === 20) throw refused
    }
  }

  return {
    areSmall: wanted.length > 0 && mounted.length === wanted.length,
    fill,
    free: (service) => resize(service, SIZE),
    remove,
  }
}
