# A Debian base and 50 one-line RUN, no cache, from Dockerfile to registry.
. "$HERE/lib.sh"

STEPS=$(scaled 50)
[ "$STEPS" -ge 5 ] || STEPS=5

# The nonce makes every step of every run a new one.
dockerfile() {
	mkdir -p "$WORK/$1"
	{
		printf 'FROM debian\nENV NONCE=%s\n' "$(now_us)"
		n=0
		while [ "$n" -lt "$STEPS" ]; do
			echo "RUN echo $n >/file-$n"
			n=$((n + 1))
		done
	} >"$WORK/$1/Dockerfile"
}
prepare_cbuild_debian() { dockerfile cbuild_debian; }
cbuild_debian() { cbuild_push debian "$WORK/cbuild_debian" --build-context "debian=oci-layout://$LAYOUT:bookworm"; }
prepare_docker_debian() { dockerfile docker_debian; }
docker_debian() { docker_push debian "$WORK/docker_debian"; }

load_base() {
	skopeo copy -q "oci:$LAYOUT:bookworm" "docker-archive:$WORK/base.tar:debian:latest" >/dev/null &&
		docker load -q -i "$WORK/base.tar" >/dev/null && rm "$WORK/base.tar"
}

echo "debian_run: a Debian base and $STEPS one-line RUN, no cache, to a registry"
LAYOUT=$(sh "$SERVERS/base" layout 2>/dev/null) || {
	skip 'all' 'no Debian base can be made here (debootstrap, root)'
	exit 0
}
stop_servers_at_end
start_registry || { skip 'all' "$why"; exit 0; }
peer=
! { start_engine && find_builder && load_base; } || peer=docker_debian
# the base is unpacked, and in the registry, before the first counted run: for both
run=0
for name in cbuild_debian $peer; do
	"prepare_$name" && "$name" >/dev/null || exit 1
done
# shellcheck disable=SC2086 # one word or none
measure cbuild_debian $peer || exit 1
row cbuild_debian 'cbuild --push' "$(calc '%.1f ms a step' "$(time_of cbuild_debian) / $STEPS / 1000")"
if [ -n "$peer" ]; then
	row docker_debian "docker build and push ($builder)"
	ratio cbuild_debian docker_debian
else
	skip 'docker build and push' "$why"
fi
prepare_cbuild_debian
run=peak
peak "$BIN/cbuild" -q --root "$WORK/root" --push -t "$ADDRESS/bench/debian:peak" \
	--build-context "debian=oci-layout://$LAYOUT:bookworm" "$WORK/cbuild_debian"
