# The isotherm image: one binary in a small runtime image.
#   docker build -t isotherm .
#   docker run --rm -v isotherm:/state isotherm        # simulated stations over the embedded log; SIGTERM drains

FROM rust:1.95-bookworm AS build
WORKDIR /build
# Dependencies first, so that a change of the sources does not build them again.
COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
RUN mkdir -p src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs && mkdir -p settings && touch settings/default.toml \
    && cargo build --release --locked --features tls,s3 && rm -rf src
COPY settings settings
COPY src src
RUN touch src/main.rs src/lib.rs && cargo build --release --locked --features tls,s3

# An object store for compose.group.yaml, to try a group with: docker build --target store -t isotherm-store .
FROM golang:1.26-bookworm AS build-store
RUN CGO_ENABLED=0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

FROM debian:bookworm-slim AS store
COPY --from=build-store /go/bin/versitygw /usr/local/bin/versitygw
RUN useradd --system --uid 10002 store && install -d -o store /data/isotherm
USER 10002
VOLUME /data
EXPOSE 7070
# Tags lie in extended attributes, which the volume's filesystem must have. With them beside the objects instead (--sidecar), this
# server does not keep its conditions in a race, as isotherm store check finds out.
ENTRYPOINT ["versitygw", "--port", ":7070", "--quiet", "posix", "/data"]

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /state isotherm && install -d -o isotherm -g root -m 0775 /state
COPY --from=build /build/target/release/isotherm /usr/local/bin/isotherm
COPY settings /etc/isotherm
USER 10001:0
# Relative paths of the settings start here: log and state lie in the volume.
WORKDIR /state
VOLUME /state
STOPSIGNAL SIGTERM
ENTRYPOINT ["isotherm"]
CMD ["run"]
