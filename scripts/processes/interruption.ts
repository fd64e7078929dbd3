// Turns Ctrl-C, kill and a closed terminal into one value that everything long-running can listen to.
/** Aborts at the first SIGINT, SIGTERM or SIGHUP; from then on signals are ignored, since stopping is under way. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  const stop = () => controller.abort(new Error('Interrupted'))
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop)
  // Whoever reads our output has gone, a pager or a terminal: nobody is left to run for.
  process.stdout.on('error', stop)
  process.stderr.on('error', stop)
  return controller.signal
}

/** Settles when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((settle) => {
    if (signal.aborted) settle()
    else signal.addEventListener('abort', () => settle(), { once: true })
  })
}
