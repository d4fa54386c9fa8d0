# counterfoil and its two companions in one static file: no shell, no package, not root.
# docs/container.md says how to run it; tools/image makes the same image without a registry.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN packaging/static > /tmp/binary && packaging/image/root "$(cat /tmp/binary)" /out

FROM scratch
LABEL org.opencontainers.image.title="Counterfoil" \
      org.opencontainers.image.description="Copies a PostgreSQL table of immutable events to many destinations, and proves that the copies are equal" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/ /
ENV PATH=/usr/bin
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/counterfoil"]
CMD ["--help"]
