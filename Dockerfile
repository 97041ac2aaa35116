# syntax=docker/dockerfile:1

# Debian 12 carries librdkafka 2.0.2, which repeats the client's nonce in SCRAM: Kafka 4 brokers then answer "invalid
# credentials" (fixed in 2.6.1). Debian 12's backports have no newer one, and the binary package of Debian 13 (2.8.0)
# needs Debian 13's C library and OpenSSL. So this stage rebuilds Debian 13's source package for Debian 12, which leaves
# every other library at the version that the code is built and tested with.
FROM debian:bookworm-slim AS librdkafka
RUN sed -e 's/^Types: deb$/Types: deb-src/' -e 's/bookworm/trixie/g' /etc/apt/sources.list.d/debian.sources \
        > /etc/apt/sources.list.d/trixie-source.sources \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        build-essential debhelper fakeroot libcurl4-openssl-dev liblz4-dev libsasl2-dev libssl-dev libzstd-dev pkgconf \
        python3 rapidjson-dev zlib1g-dev
WORKDIR /packages/source
RUN apt-get source librdkafka/trixie \
    && cd librdkafka-*/ \
    && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage --build=binary --unsigned-changes --unsigned-source \
    && mv ../librdkafka*.deb /packages/ \
    && rm -rf /packages/source /packages/*dbgsym*

FROM swift:6.3-bookworm AS build
COPY --from=librdkafka /packages/ /packages/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        /packages/librdkafka1_*.deb /packages/librdkafka++1_*.deb /packages/librdkafka-dev_*.deb \
        libopenblas-dev libjansson-dev libsimdjson-dev libhdf5-dev libzip-dev libsvm-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
RUN --mount=type=cache,target=/cache,sharing=locked \
    --mount=type=cache,target=/build/.build,sharing=locked \
    swift build --cache-path /cache -c release --product millrace --static-swift-stdlib \
    && install -D --strip .build/release/millrace /out/millrace \
    && cp -r .build/release/millrace_MillraceCommand.resources /out/

FROM debian:bookworm-slim
COPY --from=librdkafka /packages/librdkafka1_*.deb /tmp/packages/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        /tmp/packages/librdkafka1_*.deb \
        ca-certificates libhdf5-103-1 libjansson4 libopenblas0-pthread libsasl2-modules libsimdjson14 libsvm3 libzip4 \
        tzdata \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/millrace millrace \
    && install -d -o millrace -g millrace /var/lib/millrace /var/lib/millrace/models \
        /var/lib/millrace/state
COPY --from=build /out/ /usr/local/bin/

USER millrace
WORKDIR /var/lib/millrace
VOLUME /var/lib/millrace/models /var/lib/millrace/state
# Inside a container loopback is the container's own: the gateway has to listen on every interface to be reached.
ENV MILLRACE_GATEWAY_HOST=0.0.0.0 \
    MILLRACE_LOGGING_FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["millrace", "health", "--url", "http://127.0.0.1:8080/v2/health/ready", "--timeout", "4s"]
ENTRYPOINT ["millrace"]
CMD ["serve"]
