# What the measurements of pushes share; read after lib.sh. LAYERS and SIZE say what is pushed, JOBS how many at a
# time; push_begin makes the image and starts a registry. Every run of a contender goes to a repository of its
# own, in which nothing is yet. ADDRESS is where they push to, LINE names that in the rows.

TYPE=application/vnd.oci.image
LAYOUT=$WORK/layout

layer() {
	# as long as it takes to be no smaller by packing
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
	rm -rf "$LAYOUT"
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

push_begin() {
	if ! has docker-registry; then
		skip 'all' 'docker-registry is not installed'
		exit 0
	fi
	make_layout
	NEAR=$(sh "$SERVERS/registry" start "$WORK/registry") || exit 1
	ADDRESS=$NEAR
	trap 'push_end' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

push_end() {
	[ ! -d "$WORK/delay" ] || "$SERVERS/delay" stop "$WORK/delay"
	sh "$SERVERS/registry" stop "$WORK/registry"
}

# The registry again, at the end of a line with that many milliseconds there and back.
push_from_far() {
	ADDRESS=$("$SERVERS/delay" start "$WORK/delay" "$NEAR" "$(calc %.1f "$1 / 2")") || exit 1
}

# A registry's disk is not what is measured, and the next run wants it.
push_forget() {
	rm -rf "$WORK/registry/data/docker"
}

repository() {
	echo "$ADDRESS/$1-$run"
}

prepare_cpush_new() { push_forget; }
prepare_skopeo_new() { push_forget; }
prepare_curl_new() { push_forget; }

cpush_new() {
	"$BIN/cpush" -q -j "$JOBS" --root "$WORK/root" "$LAYOUT" "$(repository cpush)"
}
# skopeo remembers in which repositories it has seen a blob and lets the registry copy it from there: with
# that memory no byte would be sent. As root it is in a fixed place, hidden here for the time of a copy.
SKOPEO='mkdir -p /var/lib/containers && mount -t tmpfs tmpfs /var/lib/containers &&
	exec skopeo copy -q --dest-tls-verify=false "oci:$1:latest" "docker://$2"'
skopeo_new() {
	unshare --mount sh -c "$SKOPEO" sh "$LAYOUT" "$(repository skopeo)"
}
# What the protocol costs with nothing decided: POST and PUT for each blob, $JOBS at a time, and no waiting for leave.
CURL='at=$(curl -fsS -o /dev/null -D - -X POST "http://$1/blobs/uploads/" | tr -d "\r" | sed -n "s/^[Ll]ocation: //p")
	curl -fsS -o /dev/null -T "$2/blobs/sha256/$3" -H "Content-Type: application/octet-stream" -H Expect: \
		"$at&digest=sha256:$3"'
curl_new() {
	ls "$LAYOUT/blobs/sha256" | xargs -P "$JOBS" -I DIGEST sh -c "$CURL" sh "$ADDRESS/v2/curl-$run" "$LAYOUT" DIGEST
}
bytes_alone() {
	cat "$LAYOUT"/blobs/sha256/* | sha256sum
}

# How many requests the registry has seen.
requests() {
	grep -cE '"(GET|HEAD|POST|PUT|PATCH) /v2/' "$WORK/registry/log"
}

rate() {
	calc '%.0f MB/s' "$LAYERS * $SIZE / $(time_of "$1")"
}

# count NAME: the requests of a first push
count() {
	before=$(requests)
	run=count
	push_forget
	"$1" >/dev/null 2>&1
	echo "$(($(requests) - before)) requests"
}

share() {
	printf '  %-34s %9.2f\n' "$1" "$(calc %.2f "$(time_of "$2") / $(time_of "$3")")"
}

# Measures a first push by all who can, and tells: push_rows LINE ($LINE stands behind the names)
push_rows() {
	contenders=cpush_new
	has skopeo && contenders="$contenders skopeo_new"
	has curl && contenders="$contenders curl_new"
	# shellcheck disable=SC2086 # a list
	measure $contenders || exit 1
	row cpush_new "cpush$1" "$(rate cpush_new), $(count cpush_new)"
	if has skopeo; then
		row skopeo_new "skopeo copy$1" "$(rate skopeo_new), $(count skopeo_new)"
		share 'cpush / skopeo copy' cpush_new skopeo_new
	else
		skip 'skopeo copy' 'skopeo is not installed'
	fi
	if has curl; then
		row curl_new "curl, no look and no check$1" "$(rate curl_new), $(count curl_new)"
		share 'cpush / curl' cpush_new curl_new
	else
		skip 'curl' 'curl is not installed'
	fi
}

# memory LABEL COMMAND...
memory() {
	label=$1
	shift
	push_forget
	if peak=$(peak_kib "$@"); then
		printf '  %-34s %9.1f MiB\n' "$label, peak memory" "$(calc %.1f "$peak / 1024")"
	else
		skip "$label, peak memory" 'neither /usr/bin/time nor python3 is there'
	fi
}

push_memory() {
	memory cpush "$BIN/cpush" -q -j "$JOBS" --root "$WORK/root" "$LAYOUT" "$ADDRESS/peak-cpush"
	! has skopeo ||
		memory 'skopeo copy' unshare --mount sh -c "$SKOPEO" sh "$LAYOUT" "$ADDRESS/peak-skopeo"
	! has curl || memory 'curl, one of them' sh -c "$CURL" sh "$ADDRESS/v2/peak-curl" "$LAYOUT" \
		"$(ls -S "$LAYOUT/blobs/sha256" | head -n 1)"
}
