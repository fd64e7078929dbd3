# One image for all services: compose, Kubernetes and systemd's like say which one a container runs.
#
# In layers by how often they change: tools, packages, then the code. What a new version of the code alone sends is the last one.
FROM node:22.20.0-bookworm-slim AS tools
WORKDIR /app
# Only needed where better-sqlite3 has no prebuilt binary.
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ && rm -rf /var/lib/apt/lists/*

# Alone, so that the packages are installed anew only when a manifest has changed.
FROM tools AS manifests
COPY . .
RUN mkdir /manifests && cp --parents package.json package-lock.json */package.json /manifests

FROM tools AS packages
COPY --from=manifests /manifests ./
RUN npm ci --omit=dev --ignore-scripts && npm rebuild better-sqlite3

FROM tools AS build
COPY --from=manifests /manifests ./
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3 esbuild
COPY . .
RUN npm run build

FROM node:22.20.0-bookworm-slim
LABEL org.opencontainers.image.title="order-choreography" \
      org.opencontainers.image.description="Order processing by choreography: services that talk only through RabbitMQ" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/build ./
USER node
VOLUME /data
HEALTHCHECK --interval=5s --timeout=3s --retries=12 --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Overridden by each service; node is process 1 and gets SIGTERM itself.
CMD ["node", "--enable-source-maps", "order-service/main.js"]
