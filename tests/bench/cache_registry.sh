# A build of which everything is in a registry's cache, by a machine that has nothing: what is left to do.
# The result goes into the same registry. docker's engine (BuildKit) does the same with the only cache of
# a registry that it can read, the inline one, after it has forgotten all of its own.
. "$HERE/lib.sh"

STEPS=$(scaled 20)
[ "$STEPS" -ge 3 ] || STEPS=3

make_base() {
	mkdir -p "$WORK/base/bin" "$WORK/base/tmp"
	cp "$(command -v busybox)" "$WORK/base/bin/busybox"
	for name in sh true dd; do
		ln -sf busybox "$WORK/base/bin/$name"
	done
	sh "$SERVERS/pack" "$WORK/base" "$WORK/layout" latest
}

make_context() {
	mkdir -p "$WORK/context/app"
	n=0
	while [ "$n" -lt 200 ]; do
		head -c 20000 /dev/urandom >"$WORK/context/app/$n"
		n=$((n + 1))
	done
	{
		echo "FROM $REGISTRY/base:1"
		n=0
		while [ "$n" -lt "$STEPS" ]; do
			echo "RUN dd if=/dev/urandom of=/f$n bs=64k count=16"
			n=$((n + 1))
		done
		echo 'COPY app /app'
	} >"$WORK/context/Dockerfile"
}

cbuild_once() {
	"$BIN/cbuild" -q --root "$1" --push -t "$REGISTRY/ours:1" "$2" "$3" "$WORK/context"
}
prepare_cbuild_cached() { rm -rf "$WORK/fresh"; }
cbuild_cached() { cbuild_once "$WORK/fresh" --cache-from "$REGISTRY/ours/cache:1"; }
prepare_cbuild_local() { rm -rf "$WORK/fresh"; }
cbuild_local() { cbuild_once "$WORK/fresh" --cache-from "type=local,src=$WORK/kept"; }

prepare_docker_cached() {
	docker builder prune -af >/dev/null && docker image rm -f "$REGISTRY/theirs:1" "$REGISTRY/base:1"
	docker image prune -af
} >/dev/null 2>&1
docker_build() {
	DOCKER_BUILDKIT=1 /usr/bin/docker build -q --network none --build-arg BUILDKIT_INLINE_CACHE=1 \
		--cache-from "$REGISTRY/theirs:1" -t "$REGISTRY/theirs:1" "$WORK/context" && docker push -q "$REGISTRY/theirs:1"
}
docker_cached() { docker_build; }

echo "cache_registry: $STEPS times RUN and a COPY of 200 files, all in a registry's cache"
for tool in busybox docker-registry skopeo; do
	has "$tool" || { skip 'all' "$tool is not installed"; exit 0; }
done
engine=
trap '[ -z "$engine" ] || sh "$SERVERS/engine" stop "$WORK/engine"; sh "$SERVERS/registry" stop "$WORK/registry"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
REGISTRY=$(sh "$SERVERS/registry" start "$WORK/registry") || exit 1
make_base
skopeo copy -q --dest-tls-verify=false "oci:$WORK/layout:latest" "docker://$REGISTRY/base:1" || exit 1
make_context
cbuild_once "$WORK/first" --cache-to "type=registry,ref=$REGISTRY/ours/cache:1,mode=max" >/dev/null || exit 1
cbuild_once "$WORK/first" --cache-to "type=local,dest=$WORK/kept,mode=max" >/dev/null || exit 1
contenders='cbuild_cached cbuild_local'
why='its engine does not run here'
peer=
if [ "$(id -u)" -eq 0 ] && has dockerd && DOCKER_HOST=$(sh "$SERVERS/engine" start "$WORK/engine" 2>"$WORK/engine.log"); then
	engine=yes
	export DOCKER_HOST
	why='its build does not run here'
	if docker_build >"$WORK/last.log" 2>&1; then
		peer=yes
		contenders="$contenders docker_cached"
	fi
fi
# shellcheck disable=SC2086 # a list
measure $contenders || exit 1
row cbuild_cached 'cbuild, cache in the registry'
row cbuild_local 'cbuild, cache in a directory'
if [ -n "$peer" ]; then
	row docker_cached 'docker build, inline, and push' "$(calc '%.1f times' "$(time_of docker_cached) / $(time_of cbuild_cached)")"
else
	skip 'docker build' "$why"
fi
