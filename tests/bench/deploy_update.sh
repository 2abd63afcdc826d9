# An update of one service, from the moment that the engine takes it (UpdateStatus.StartedAt) to the return of the
# tool that asked for it: cdeploy and `docker service update`, each with a service of its own of the same spec.
# First without a healthcheck, where only time tells, then with one.
. "$HERE/lib.sh"

since_accepted() {
	end=$(date +%s%N)
	at=$(docker service inspect --format '{{.UpdateStatus.StartedAt.UnixNano}}' "$1") || return 1
	echo $(((end - at) / 1000)) >>"$WORK/times/$2"
}

# stack NAME NONCE [LINE...]
stack() {
	mkdir -p "$WORK/$1"
	name=$1 nonce=$2
	shift 2
	{
		printf 'stack: bench\nservices:\n  %s:\n    image: "%s"\n' "$name" "$IMAGE"
		printf '    commands: ["/bin/serve"]\n    environment: ["N=%s"]\n' "$nonce"
		[ $# -eq 0 ] || printf '    %s\n' "$@"
	} >"$WORK/$name/orcinus.yml"
}

deploy() {
	"$BIN/cdeploy" -q --project bench --dir "$WORK/$1" >"$WORK/last.log" 2>&1 ||
		{ cat "$WORK/last.log" >&2; return 1; }
}

# compare KIND [LINE...]
compare() {
	kind=$1
	shift
	for who in cdeploy docker; do
		stack "$kind-$who" 0 "$@" && deploy "$kind-$who" || return 1
	done
	rm -rf "$WORK/times"
	mkdir -p "$WORK/times"
	run=1
	while [ "$run" -le "$RUNS" ]; do
		stack "$kind-cdeploy" "$run" "$@"
		deploy "$kind-cdeploy" && since_accepted "$kind-cdeploy" cdeploy || return 1
		docker service update -q --detach=false --env-add "N=$run" "$kind-docker" >/dev/null &&
			since_accepted "$kind-docker" docker || return 1
		run=$((run + 1))
	done
	row cdeploy "cdeploy, $kind"
	row docker "docker service update, $kind"
	printf '  %-34s %9.1f %%\n' 'cdeploy / docker' "$(calc %.1f "100 * $(time_of cdeploy) / $(time_of docker)")"
	docker service rm "$kind-cdeploy" "$kind-docker" >/dev/null
}

echo 'deploy_update: an accepted update until the tool returns'
if ! has busybox; then
	skip all 'busybox is not installed'
	exit 0
fi
stop_servers_at_end
start_registry && start_engine || { skip all "$why"; exit 0; }
IMAGE=$ADDRESS/bench/serve:1
mkdir -p "$WORK/image/bin"
cp "$(command -v busybox)" "$WORK/image/bin/busybox"
for name in sh sleep true; do
	ln -sf busybox "$WORK/image/bin/$name"
done
printf '#!/bin/sh\ntrap "exit 0" TERM\nsleep 100000 &\nwait\n' >"$WORK/image/bin/serve"
chmod +x "$WORK/image/bin/serve"
sh "$SERVERS/pack" "$WORK/image" "$WORK/layout" 1
"$BIN/cpush" -q "$WORK/layout" "$IMAGE" >/dev/null || exit 1
compare plain || exit 1
compare healthcheck 'healthcheck:' '  test: ["CMD", "/bin/true"]' '  interval: 1s' || exit 1
