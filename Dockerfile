# Dockerfile: gridd as one appliance: clients on port 5222, data in the volume /var/lib/gridd.
#
#   docker build -t gridd .
#   docker run -d --name grid -p 5222:5222 -p 5223:5223 -p 7777:7777 -p 8443:8443 -v grid:/var/lib/gridd gridd
#   docker exec grid gridctl status
#
# Without more it is an evaluation. For a real grid mount your gridd.toml and certificates, readable by
# the container's user, and give it a volume of its own:
#   docker run … -v /srv/grid:/etc/gridd:ro -v grid-real:/var/lib/gridd gridd
# Any user will do on a fresh volume (`--user 12345:0`, OpenShift), afterwards the same one. The image
# has gridd, gridctl and their libraries, no shell; its root may be read-only (`--read-only`).
# conf/compose.yaml has all of this for docker compose.
ARG BASE=docker.io/library/debian:12-slim

FROM ${BASE} AS build
COPY conf/install-deps /src/conf/install-deps
RUN /src/conf/install-deps --build
COPY . /src
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake -G Ninja -S /src -B /build -DGRID_TESTS=OFF \
        -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 \
    && ninja -C /build gridd gridctl \
    && install -s -D -t /stage /build/gridd /build/gridctl

FROM ${BASE} AS runtime
COPY conf/install-deps conf/package/make-root /tmp/
RUN /tmp/install-deps --runtime \
    && groupadd --system --gid 10001 gridd \
    && useradd --system --uid 10001 --gid gridd --home-dir /var/lib/gridd \
        --shell /usr/sbin/nologin gridd
COPY --from=build /stage/gridd /stage/gridctl /usr/local/bin/
RUN /tmp/make-root /image /usr/local/bin/gridd /usr/local/bin/gridctl \
    && install -d -m 0770 -o gridd -g root /var/lib/gridd \
    && cp -a --parents /var/lib/gridd /image

FROM scratch
COPY --from=runtime /image /
COPY conf/gridd.toml /etc/gridd/gridd.toml
ENV PATH=/usr/local/bin
USER 10001
WORKDIR /var/lib/gridd
VOLUME /var/lib/gridd
EXPOSE 5222 5223 7777 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["gridctl", "--data", "/var/lib/gridd", "health"]
ENTRYPOINT ["gridd", "--config", "/etc/gridd/gridd.toml", "--data", "/var/lib/gridd"]
