# The server in a container: `docker build -t leadstage .`; how the parts go together is in compose.yaml, all else in
# server/operations/hosting.md.
#
# The base is pinned to a version. To pin its very bytes as well, ask `docker buildx imagetools inspect node:24.21.0-bookworm-slim` for
# the digest and build with `--build-arg NODE=24.21.0-bookworm-slim@sha256:…`.
ARG NODE=24.21.0-bookworm-slim

# What runs, as the lockfile has it. The embedded PostgreSQL is an optional package and stays out: a container has DATABASE_URL.
FROM node:${NODE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY server/settings/web/package.json server/settings/web/
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

# The settings page, which is served as files.
FROM node:${NODE} AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY server/settings/web/package.json server/settings/web/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY server/settings/web server/settings/web
RUN node server/settings/web/build-if-needed.ts

FROM node:${NODE}
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY connectors connectors
COPY mappings mappings
COPY server server
COPY --from=page /app/server/settings/web/dist server/settings/web/dist
# Nothing here is theirs to write: what has to be kept is in PostgreSQL.
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The options of `npm start`, without npm between, so that signals reach the server.
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=100", "server/main.ts"]
