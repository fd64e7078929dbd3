# One image for all six services: compose and Kubernetes say which one a container runs.
FROM node:22-bookworm-slim AS build
WORKDIR /app
# Only needed where better-sqlite3 has no prebuilt binary.
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ && rm -rf /var/lib/apt/lists/*
COPY . .
RUN npm ci && npm run build && cd build && npm ci --omit=dev

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
WORKDIR /app
COPY --from=build --chown=node:node /app/build ./
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
# Overridden by each service; node is process 1 and gets SIGTERM itself.
CMD ["node", "order-service/main.js"]
