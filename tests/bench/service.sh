# A small service, as pipelines build them: 3 RUN and 200 files, from Dockerfile to registry. Everything new; nothing
# new; one source file changed.
. "$HERE/lib.sh"

FILES=$(scaled 200)

make_base() {
	mkdir -p "$WORK/base/bin" "$WORK/base/tmp"
	cp "$(command -v busybox)" "$WORK/base/bin/busybox"
	for name in sh cat mkdir adduser; do
		ln -sf busybox "$WORK/base/bin/$name"
	done
	sh "$SERVERS/pack" "$WORK/base" "$WORK/layout" latest
}

# service NAME NONCE
service() {
	dir=$WORK/$1
	mkdir -p "$dir/src"
	if [ ! -e "$dir/src/$FILES.py" ]; then
		n=1
		while [ "$n" -le "$FILES" ]; do
			{ echo "# module $n" && head -c 6000 /dev/urandom | base64; } >"$dir/src/$n.py"
			n=$((n + 1))
		done
	fi
	cat >"$dir/Dockerfile" <<-EOF
	FROM service-base
	ENV NONCE=$2
	WORKDIR /app
	RUN mkdir -p /var/lib/app && echo installed >/var/lib/app/packages
	COPY requirements.txt .
	RUN cat requirements.txt >/var/lib/app/installed
	COPY src src
	RUN cat src/*.py >all.py
	CMD ["/bin/cat", "/app/all.py"]
	EOF
	echo 'flask==3.0' >"$dir/requirements.txt"
}

prepare_cbuild_cold() { service cbuild "$(now_us)"; }
cbuild_cold() { cbuild_push service "$WORK/cbuild" --build-context "service-base=oci-layout://$WORK/layout:latest"; }
prepare_docker_cold() { service docker "$(now_us)"; }
docker_cold() { docker_push service "$WORK/docker"; }
# measured after a cold build of the same
cbuild_cached() { cbuild_cold; }
docker_cached() { docker_cold; }
prepare_cbuild_changed() { echo "# $(now_us)" >"$WORK/cbuild/src/7.py"; }
cbuild_changed() { cbuild_cold; }
prepare_docker_changed() { echo "# $(now_us)" >"$WORK/docker/src/7.py"; }
docker_changed() { docker_cold; }

echo "service: 3 RUN and $FILES files on a busybox base, to a registry"
if ! has busybox; then
	skip 'all' 'busybox is not installed'
	exit 0
fi
make_base
stop_servers_at_end
start_registry || { skip 'all' "$why"; exit 0; }
peer=
! { start_engine && find_builder && tar -C "$WORK/base" -c . | docker import - service-base >/dev/null; } || peer=yes
run=0
prepare_cbuild_cold && cbuild_cold >/dev/null || exit 1
[ -z "$peer" ] || { prepare_docker_cold && docker_cold >/dev/null; } || exit 1
for what in cold cached changed; do
	measure "cbuild_$what" ${peer:+"docker_$what"} || exit 1
	row "cbuild_$what" "cbuild --push, $what"
	if [ -n "$peer" ]; then
		row "docker_$what" "docker build and push, $what"
		ratio "cbuild_$what" "docker_$what"
	fi
done
[ -n "$peer" ] || skip 'docker build and push' "$why"
prepare_cbuild_cold
peak "$BIN/cbuild" -q --root "$WORK/root" --push -t "$ADDRESS/bench/service:peak" \
	--build-context "service-base=oci-layout://$WORK/layout:latest" "$WORK/cbuild"
