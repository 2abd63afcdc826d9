# The toolkit's own image, a few MB for pipelines: `make image` builds it with cbuild. What is copied, and so what is in
# it, comes from image/tree: static programs that load nothing, certificates, and busybox with its shell.
#
# All of it lies in /cbuild; beside that there are only links. So the trees of stages can become
# "/" in place, around it.
FROM scratch
ARG VERSION
LABEL org.opencontainers.image.title="cbuild" \
	org.opencontainers.image.description="cbuild, cpush and cdeploy: Dockerfile to image, to registry, to swarm" \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.version="$VERSION"
COPY . /
ENV PATH=/cbuild/bin \
	CBUILD_ROOT=/cbuild/state \
	SSL_CERT_FILE=/cbuild/etc/ca-certificates.crt
# no ENTRYPOINT: GitLab's runner starts "sh" to look for a shell
CMD ["/cbuild/bin/sh"]
