# The operator's image. hack/cluster/image makes the same one by the same steps where there is no docker daemon.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN hack/image/operator-rootfs /rootfs

FROM scratch
COPY --from=build /rootfs/runtime/ /
COPY --from=build /rootfs/modules/ /
COPY --from=build /rootfs/app/ /
ENV PATH=/usr/local/bin NODE_ENV=production
WORKDIR /app
USER 65532:65532
# A small young generation is collected often: each push to a proxy leaves large buffers behind, which V8 does not count.
ENTRYPOINT ["/usr/local/bin/node", "--enable-source-maps", "--max-semi-space-size=16", "dist/cli/sluice.js"]
