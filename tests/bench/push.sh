# Pushing 20 layers of 10 MB to a registry on this machine, and pushing them again.
. "$HERE/lib.sh"

LAYERS=20
SIZE=$(scaled 10000000)
JOBS=4

layer() {
	head -c "$SIZE" /dev/urandom | gzip -n -1 >"$WORK/layer"
	digest=$(sha256sum "$WORK/layer" | cut -d' ' -f1)
	size=$(wc -c <"$WORK/layer")
	mv "$WORK/layer" "$blobs/$digest"
}

put() {
	digest=$(sha256sum "$1" | cut -d' ' -f1)
	size=$(wc -c <"$1")
	mv "$1" "$blobs/$digest"
}

# An image whose layers cannot be compressed any further: only the way to the registry counts.
make_layout() {
	blobs=$LAYOUT/blobs/sha256
	mkdir -p "$blobs"
	layers='' ids='' n=0
	while [ "$n" -lt "$LAYERS" ]; do
		layer
		layers="$layers,{\"mediaType\":\"$TYPE.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$size}"
		ids="$ids,\"sha256:$(gzip -dc "$blobs/$digest" | sha256sum | cut -d' ' -f1)\""
		n=$((n + 1))
	done
	printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[%s]}}' "${ids#,}" >"$WORK/new"
	put "$WORK/new"
	printf '{"schemaVersion":2,"mediaType":"%s","config":{%s},"layers":[%s]}' "$TYPE.manifest.v1+json" \
		"\"mediaType\":\"$TYPE.config.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size" \
		"${layers#,}" >"$WORK/new"
	put "$WORK/new"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$LAYOUT/oci-layout"
	printf '{"schemaVersion":2,"manifests":[{%s,"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}' \
		"\"mediaType\":\"$TYPE.manifest.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size" \
		>"$LAYOUT/index.json"
}

# Every run goes to a repository of its own, in which nothing is yet.
repository() {
	echo "$ADDRESS/$1-$run"
}

cpush_new() {
	"$BIN/cpush" -q -j "$JOBS" "$LAYOUT" "$(repository cpush)"
}
cpush_again() {
	cpush_new
}
# skopeo remembers in which repositories it has seen a blob and lets the registry copy it from there: with
# that memory no byte would be sent. As root it is in a fixed place, hidden here for the time of a copy.
skopeo_new() {
	unshare --mount sh -c '
		mkdir -p /var/lib/containers && mount -t tmpfs tmpfs /var/lib/containers &&
		exec skopeo copy -q --dest-tls-verify=false "oci:$1:latest" "docker://$2"
	' sh "$LAYOUT" "$(repository skopeo)"
}
skopeo_again() {
	skopeo copy -q --dest-tls-verify=false "oci:$LAYOUT:latest" "docker://$(repository skopeo)"
}
# What the protocol costs with nothing decided: POST and PUT for each blob, $JOBS at a time.
curl_new() {
	ls "$LAYOUT/blobs/sha256" | xargs -P "$JOBS" -I DIGEST sh -c '
		at=$(curl -fsS -o /dev/null -D - -X POST "http://$1/blobs/uploads/" |
			tr -d "\r" | sed -n "s/^[Ll]ocation: //p")
		curl -fsS -o /dev/null -T "$2/blobs/sha256/$3" \
			-H "Content-Type: application/octet-stream" "$at&digest=sha256:$3"
	' sh "$ADDRESS/v2/curl-$run" "$LAYOUT" DIGEST
}
bytes_alone() {
	cat "$LAYOUT"/blobs/sha256/* | sha256sum
}

requests() {
	grep -cE '"(GET|HEAD|POST|PUT|PATCH) /v2/' "$WORK/registry/log"
}

LAYOUT=$WORK/layout TYPE=application/vnd.oci.image
echo "push: $LAYERS layers of $(calc %.1f "$SIZE / 1e6") MB to docker-registry on loopback, $JOBS at a time"
if ! has docker-registry; then
	skip 'all' 'docker-registry is not installed'
	exit 0
fi
make_layout
ADDRESS=$(sh "$SERVERS/registry" start "$WORK/registry") || exit 1
trap 'sh "$SERVERS/registry" stop "$WORK/registry"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

contenders='cpush_new cpush_again'
has skopeo && contenders="$contenders skopeo_new skopeo_again"
has curl && contenders="$contenders curl_new"
# shellcheck disable=SC2086 # a list
measure $contenders bytes_alone || exit 1

rate() {
	calc '%.0f MB/s' "$LAYERS * $SIZE / $(time_of "$1")"
}
row cpush_new 'cpush' "$(rate cpush_new)"
has skopeo && row skopeo_new 'skopeo copy' "$(rate skopeo_new)" || skip 'skopeo copy' 'skopeo is not installed'
has curl && row curl_new 'curl, no look and no check' "$(rate curl_new)" || skip 'curl' 'curl is not installed'
row bytes_alone 'the bytes alone: cat | sha256sum' "$(rate bytes_alone)"

run=1
before=$(requests)
cpush_again >/dev/null 2>&1
row cpush_again 'cpush, nothing changed' "$(($(requests) - before)) requests"
if has skopeo; then
	before=$(requests)
	skopeo_again >/dev/null 2>&1
	row skopeo_again 'skopeo copy, nothing changed' "$(($(requests) - before)) requests"
fi
if peak=$(peak_kib "$BIN/cpush" -q -j "$JOBS" "$LAYOUT" "$ADDRESS/peak"); then
	printf '  %-34s %9.1f MiB\n' 'cpush, peak memory' "$(calc %.1f "$peak / 1024")"
else
	skip 'cpush, peak memory' 'neither /usr/bin/time nor python3 is there'
fi
