// Both at once: a service that swallows events, and a payment provider that charges twice.
import './drops-events.mjs'
import './charges-twice.mjs'
