// Loaded into each service by `npm start -- --trace`: an OpenTelemetry SDK that sends spans by OTLP/HTTP, to where the SDK's own variables
// say. `npm start` says audit-service, whose console shows them.
import { basename, dirname } from 'node:path'
import { trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'

/** Soon enough for whoever looks at the console. */
const SENT_EVERY_MS = 500

trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': basename(dirname(process.argv[1] ?? 'unknown/')) }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter(), { scheduledDelayMillis: SENT_EVERY_MS, maxQueueSize: 8_192 }),
    ],
  }),
)
