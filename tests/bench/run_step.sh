# RUN steps that do nothing: what one costs.
. "$HERE/lib.sh"

STEPS=$(scaled 50)
[ "$STEPS" -ge 5 ] || STEPS=5

# busybox, statically linked, is the whole base image
make_base() {
	mkdir -p "$WORK/base/bin" "$WORK/base/tmp"
	cp "$(command -v busybox)" "$WORK/base/bin/busybox"
	for name in sh true; do
		ln -sf busybox "$WORK/base/bin/$name"
	done
	sh "$SERVERS/pack" "$WORK/base" "$WORK/layout" latest
}

# The nonce makes every step of every run a new one, so that no cache answers.
dockerfile() {
	mkdir -p "$WORK/$1"
	{
		printf 'FROM base\nENV NONCE=%s\n' "$(now_us)"
		n=0
		while [ "$n" -lt "$2" ]; do
			echo 'RUN true'
			n=$((n + 1))
		done
	} >"$WORK/$1/Dockerfile"
}

cbuild_in() {
	"$BIN/cbuild" -q --root "$WORK/root" --build-context "base=oci-layout://$WORK/layout:latest" \
		-t "bench/$1" "$WORK/$1"
}
prepare_cbuild_many() { dockerfile many "$STEPS"; }
cbuild_many() { cbuild_in many; }
prepare_cbuild_one() { dockerfile one 1; }
cbuild_one() { cbuild_in one; }

# The least a step can be: new namespaces, an overlay mount, a shell in it.
prepare_unshare_loop() {
	rm -rf "$WORK/bare"
	mkdir -p "$WORK/bare/upper" "$WORK/bare/work" "$WORK/bare/merged"
}
unshare_loop() {
	n=0
	while [ "$n" -lt "$STEPS" ]; do
		unshare --mount --pid --ipc --uts --fork sh -ec '
			mount -n -t overlay -o "lowerdir=$1/base,upperdir=$1/bare/upper,workdir=$1/bare/work" \
				overlay "$1/bare/merged"
			exec chroot "$1/bare/merged" /bin/sh -c true' sh "$WORK" || return 1
		n=$((n + 1))
	done
}

prepare_docker_many() { dockerfile docker_many "$STEPS"; }
docker_many() { "$docker" build -q --network none "$WORK/docker_many"; }
prepare_docker_one() { dockerfile docker_one 1; }
docker_one() { "$docker" build -q --network none "$WORK/docker_one"; }

# step MANY ONE LABEL: what each further step adds to a build
step() {
	printf '  %-34s %9.2f ms a step\n' "$3" "$(calc %.2f "($(time_of "$1") - $(time_of "$2")) / ($STEPS - 1) / 1000")"
}

echo "run_step: $STEPS times RUN true on a busybox base"
if ! has busybox; then
	skip 'all' 'busybox is not installed'
	exit 0
fi
make_base
contenders='cbuild_many cbuild_one'
loop=
if [ "$(id -u)" -eq 0 ] && has unshare; then
	loop=unshare_loop
fi
stop_servers_at_end
peer=
if start_engine && find_builder && tar -C "$WORK/base" -c . | docker import - base >/dev/null; then
	peer=yes
	contenders="$contenders docker_many docker_one"
fi
# shellcheck disable=SC2086 # a list
measure $contenders $loop || exit 1

row cbuild_many "cbuild, the whole build"
step cbuild_many cbuild_one 'cbuild'
if [ -n "$peer" ]; then
	row docker_many "docker build, the whole build"
	step docker_many docker_one "docker build ($builder)"
else
	skip 'docker build' "$why"
fi
if [ -n "$loop" ]; then
	printf '  %-34s %9.2f ms a step\n' 'unshare, overlay, /bin/sh -c true' \
		"$(calc %.2f "$(time_of unshare_loop) / $STEPS / 1000")"
else
	skip 'unshare, overlay, /bin/sh -c true' 'needs root'
fi
