// npm runs this when it has installed the packages, so that the first start is as quick as any other.
try {
  const { currentBuild } = await import('./building/cache.mjs')
  await currentBuild(() => undefined)
} catch (error) {
  // The packages are there all the same, and whoever starts something is told again.
  console.error(error instanceof Error ? error.message : error)
}
