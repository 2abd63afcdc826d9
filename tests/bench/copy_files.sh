# COPY of 20,000 files into an image FROM scratch, from the Dockerfile to the registry: how long, and
# how much memory.
. "$HERE/lib.sh"

FILES=$(scaled 20000)
SIZE=35000
MB=$(calc %.0f "$FILES * $SIZE / 1e6")

# Pieces of what this machine has: programs and texts, as an application's files are.
make_files() {
	mkdir -p "$WORK/context/files"
	tar -cf - -C / usr/lib usr/share usr/bin 2>/dev/null |
		head -c $((FILES * SIZE)) | split -a 6 -d -b "$SIZE" - "$WORK/context/files/"
	(
		cd "$WORK/context/files" || exit 1
		for n in $(seq -f %04.0f 0 $(((FILES - 1) / 100))); do
			mkdir "d$n" && mv "$n"[0-9]* "d$n" || exit 1
		done
	)
	printf 'FROM scratch\nCOPY files /files\n' >"$WORK/context/Dockerfile"
}

# Every run has a layer of its own, which no registry and no cache has.
nonce() {
	now_us >"$WORK/context/files/nonce"
	rm -rf "$WORK/root"
}

cbuild_push() {
	"$BIN/cbuild" -q --root "$WORK/root" --push -t "$ADDRESS/cbuild" "$WORK/context"
}
prepare_cbuild_push() { nonce; }
cbuild_zstd() {
	"$BIN/cbuild" -q --root "$WORK/root" --compression zstd --push -t "$ADDRESS/zstd" "$WORK/context"
}
prepare_cbuild_zstd() { nonce; }
docker_push() {
	DOCKER_BUILDKIT=1 "$docker" build -q -t "$ADDRESS/docker" "$WORK/context" && "$docker" push -q "$ADDRESS/docker"
}
prepare_docker_push() { nonce; }
gzip_6() {
	tar -cf - -C "$WORK/context" files | gzip -6 >/dev/null
}
hash_only() {
	tar -cf - -C "$WORK/context" files | sha256sum
}

start_engine() {
	if [ "$(id -u)" -ne 0 ]; then
		why='needs root'
	elif ! has dockerd || ! has docker; then
		why='docker is not installed'
	elif ! DOCKER_HOST=$(sh "$SERVERS/engine" start "$WORK/engine" 2>"$WORK/engine.log"); then
		why='its engine does not run here'
	else
		engine=yes
		export DOCKER_HOST
		return 0
	fi
	return 1
}
try_docker() {
	why='BuildKit does not run here'
	printf 'FROM scratch\nCOPY Dockerfile /\n' >"$WORK/one.Dockerfile"
	for docker in docker /usr/bin/docker; do
		DOCKER_BUILDKIT=1 "$docker" build -q -f "$WORK/one.Dockerfile" "$WORK/context" >/dev/null 2>&1 && return 0
	done
	return 1
}

echo "copy_files: COPY of $FILES files, $MB MB, FROM scratch, and a push to a registry on this machine"
if ! has docker-registry; then
	skip 'all' 'docker-registry is not installed'
	exit 0
fi
engine=
trap '[ -z "$engine" ] || sh "$SERVERS/engine" stop "$WORK/engine"; sh "$SERVERS/registry" stop "$WORK/registry"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
ADDRESS=$(sh "$SERVERS/registry" start "$WORK/registry") || exit 1
make_files || exit 1
contenders='cbuild_push cbuild_zstd gzip_6 hash_only'
peer=
if start_engine && try_docker; then
	peer=yes
	contenders="$contenders docker_push"
fi
# shellcheck disable=SC2086 # a list
measure $contenders || exit 1

row cbuild_push 'cbuild --push'
row cbuild_zstd 'cbuild --push --compression zstd'
if [ -n "$peer" ]; then
	row docker_push 'docker build (BuildKit), docker push' \
		"$(calc '%.0f %% of it for cbuild' "100 * $(time_of cbuild_push) / $(time_of docker_push)")"
else
	skip 'docker build, docker push' "$why"
fi
row gzip_6 'tar | gzip -6'
row hash_only 'tar | sha256sum'
nonce
if peak=$(peak_kib "$BIN/cbuild" -q --root "$WORK/root" --push -t "$ADDRESS/peak" "$WORK/context"); then
	printf '  %-34s %9.1f MiB\n' 'cbuild, peak memory' "$(calc %.1f "$peak / 1024")"
else
	skip 'cbuild, peak memory' 'neither /usr/bin/time nor python3 is there'
fi
