# A swarm of two nodes, one of which is lost in the middle of a rollout.
#
# The second node has a network of its own, with a cable to the first; the registry on the machine's loopback is
# reached from there through a tunnel.

load helper
load rollout

setup_file() {
	export MANAGER=$E2E_DIR/engine-manager WORKER=$E2E_DIR/engine-worker
	ENGINE_NODES=2 "$E2E_SERVERS/engine" start "$MANAGER" >/dev/null
	cp "$MANAGER/name" "$MANAGER-name"
	"$E2E_SERVERS/engine" join "$WORKER" "$MANAGER" >/dev/null
	cp "$WORKER/name" "$WORKER-name"
	"$E2E_SERVERS/tunnel" "$(cat "$WORKER/pid")" "${E2E_REGISTRY##*:}" >"$WORKER/tunnel.log" 2>&1 3>&- &
	echo $! >"$WORKER/tunnel.pid"
	while ! grep -q ready "$WORKER/tunnel.log"; do sleep 0.05; done
}

teardown_file() {
	kill "$(cat "$WORKER/tunnel.pid")"
	"$E2E_SERVERS/engine" stop "$WORKER"
	"$E2E_SERVERS/engine" stop "$MANAGER"
}

setup() {
	begin
	E2E_ENGINE=unix://$MANAGER/docker.sock
	export DOCKER_HOST=$E2E_ENGINE
	app_image
}

# service TEXT LINE...: the file of one that says TEXT.
service() {
	printf 'services:\n    %s:\n        image: "%s"\n        commands: [app, serve, %s]\n' \
		"$NAME-$(basename "$PWD")" "$APP" "$1"
	shift
	printf '        %s\n' "$@"
} >orcinus.yml

# spread TEXT: two tasks on each node, the new ones come one by one
spread() {
	service "$1" 'replicas: 4' 'deploy:' '    delay: 1s' 'restart_policy:' '    delay: 100ms'
}
# bound TEXT: only the second node will do
bound() {
	service "$1" 'constraint: "node.hostname==engine-worker"'
}

# in_dir DIR COMMAND...
in_dir() {
	(cd "$T/src/$1" && "${@:2}")
}

# Of which version the running tasks are, on which nodes: "engine-worker two".
tasks() {
	engine service ps --no-trunc --filter desired-state=running --format '{{.Node}} {{.ID}}' "$NAME-$1" |
		while read -r node id; do
			echo "$node $(engine inspect --format '{{index .Spec.ContainerSpec.Args 2}} {{.Status.State}}' "$id")"
		done
}
second_is_moving() {
	tasks spread | grep -q 'engine-worker two running'
}

@test "a node is lost in the middle: what can moves to the other one, what cannot is told with the node's name" {
	local pids='' what
	mkdir spread bound
	for what in spread bound; do
		in_dir $what $what one
		in_dir $what cdeploy --stable 1ms >$what/out 2>&1 3>&- </dev/null &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # a list
	wait $pids
	equal "$(tasks spread | grep -c '^engine-worker one running')" 2
	equal "$(tasks bound)" 'engine-worker one running'

	in_dir bound bound bad
	sed -i 's/app, serve, bad/app, die, 0/' bound/orcinus.yml
	(cd bound && expect 9 cdeploy && has "$err" "it was a task on node 'engine-worker'" && has "$err" 'no database') 3>&-
	equal "$(tasks bound)" 'engine-worker one running'

	in_dir spread spread two
	in_dir spread cdeploy >spread/out 2>spread/err 3>&- </dev/null &
	pids=$!
	until_true second_is_moving
	"$E2E_SERVERS/engine" stop "$WORKER"
	in_dir bound bound two
	(cd bound && expect 10 cdeploy --pending-timeout 2s && message cdeploy "$NAME-bound" 'no suitable node' \
		'could not be taken back' && has "$err" "node 'engine-worker' is down: heartbeat failure") 3>&-
	# In some places of an update the engine waits for the lost node's task to end, which nobody will tell it of.
	local status=0 version=two verb=unchanged
	wait "$pids" || status=$?
	case $status in
	0) equal "$(cut -d' ' -f1,2 spread/out)" "$NAME-spread updated" ;;
	9)
		has "$(cat spread/err)" "node 'engine-worker' is down: heartbeat failure"
		has "$(cat spread/err)" 'the previous version is running again'
		version=one verb=updated
		;;
	*) fail "status $status: $(cat spread/err)" ;;
	esac
	equal "$(tasks spread | sort | uniq -c | tr -s ' ')" " 4 $(uname -n) $version running"
	# and again, though a node is still missing
	cd spread
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME-spread $verb"
	equal "$(tasks spread | sort | uniq -c | tr -s ' ')" " 4 $(uname -n) two running"
}
