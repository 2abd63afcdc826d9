# What changes something is ended at each request by which it does: by SIGKILL when the engine has done it (which is
# where one that dies before the next request dies, or at a question in between), and by SIGTERM while the engine is still
# to do it, and does it though nobody waits any more. Then cdeploy once more, which must end in what it ends in when
# nobody was ended: the same services, networks, secrets and configs, their record in the history, and no lock.

load helper

setup() {
	begin
	mkfifo "$T/never"
	at=$("$E2E_SERVERS/faults" start "$T/faults" "unix:${E2E_ENGINE#unix://}")
	export DOCKER_HOST=tcp://$at CDEPLOY_STABLE=1ms CDEPLOY_PROJECT=e2e/$NAME
}

teardown() {
	: >"$T/go-on"
	"$E2E_SERVERS/faults" stop "$T/faults"
	state remove
}

# Networks, a secret, a config and three services without tasks, one after the other; all but the networks are others in
# another VERSION.
compose() {
	local version=$1
	echo "secret of $version" >key.txt
	cat >compose.yml <<-EOF2
	name: $NAME
	x-all: &all {image: $BUSYBOX, environment: {V: $version}, networks: [back], deploy: {replicas: 0}}
	services:
	  web: {<<: *all, secrets: [key], networks: [front, back], depends_on: [worker]}
	  worker: {<<: *all, configs: [setting]}
	  old: {<<: *all}
	networks: {front: {}, back: {}}
	secrets: {key: {file: key.txt}}
	configs: {setting: {content: "$version"}}
	EOF2
}

# state [remove|ages]
state() {
	python3 -IS "$BATS_TEST_DIRNAME/stack_state.py" "${E2E_ENGINE#unix://}" "$NAME" "e2e/$NAME" "$@"
}

# a moment, without a process for it
moment() {
	read -rt 0.02 <>"$T/never" || :
}

directly() {
	DOCKER_HOST=$E2E_ENGINE cdeploy "$@" >"$T/said" 2>&1 </dev/null || fail "status $? of: $*
$(cat "$T/said")"
}

# end_at K SIGNAL ACTION COMMAND...: whose K-th change is held up so, and which is sent the signal then. $met is that
# request, empty when there is no K-th; $got is its status.
end_at() {
	local pid k=$1 signal=$2 action=$3
	shift 3
	got=0 met=
	rm -f "$T/go-on" "$T/go-on".*
	echo "POST,PUT,DELETE . $k $action" >"$T/faults/rules"
	: >"$T/faults/log"
	# no function: what is ended must be the program
	"$@" >"$T/ended" 2>&1 3>&- </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if [ -e "$T/go-on.here" ] || grep -q " $action\$" "$T/faults/log"; then
			met=$k
			kill "-$signal" "$pid" || :
			break
		fi
		moment
	done
	# a signal is taken by now
	[ -z "$met" ] || moment
	: >"$T/go-on"
	{ wait "$pid" || got=$?; } 2>/dev/null
	# whatever comes next finds it done
	while [ -e "$T/go-on.here" ] && [ ! -e "$T/go-on.done" ]; do
		moment
	done
	[ -z "$met" ] || met=$(grep -E '^(POST|PUT|DELETE) ' "$T/faults/log" | sed -n "${k}p")
}

# every_moment LEAST BEFORE COMMAND... -- AGAIN...: ends COMMAND at each of its changes, which are at least so many; BEFORE
# makes what is there before; AGAIN is run after it.
every_moment() {
	local least=$1 before=$2 signal want k now command=() ended=0
	shift 2
	# bats follows every command of a test, which is dear
	trap - DEBUG
	set +T
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	"$before"
	DOCKER_HOST=$E2E_ENGINE expect "${failed-0}" cdeploy "${command[@]}"
	directly "$@"
	want=$(state)
	equal "$(jq -c '[.locks, .recorded]' <<<"$want")" '[0,true]'
	for signal in KILL TERM; do
		for ((k = 1;; k++)); do
			"$before"
			if [ "$signal" = KILL ]; then
				end_at "$k" KILL hold cdeploy "${command[@]}"
			else
				end_at "$k" TERM "until $T/go-on" cdeploy "${command[@]}"
			fi
			[ -n "$met" ] || break
			ended=$((ended + 1))
			[ "$signal" = KILL ] || stopped_well
			directly "$@"
			now=$(state)
			[ "$now" = "$want" ] || fail "$signal at change $k, $met: $(diff <(jq . <<<"$want") <(jq . <<<"$now"))
$(cat "$T/ended" "$T/said")"
		done
		[ "$k" -gt "$least" ] || fail "only $((k - 1)) changes"
	done
	echo "# ended $ended times" >&3
}

# Whoever is told to stop says so and gives the lock back; when all runs it is too late for that.
stopped_well() {
	case $got in
	143) ;;
	"${failed-0}") has_no "$(cat "$T/ended")" SIGTERM ;;
	*) fail "status $got after SIGTERM at $met: $(cat "$T/ended")" ;;
	esac
	equal "$(state | jq .locks)" 0 "$met"
}

nothing() {
	state remove
	compose one
}
the_first() {
	nothing
	directly -f compose.yml
}
another() {
	the_first
	compose two
}

@test "a first deploy that is ended at any of its changes is brought to its end by the next" {
	every_moment 10 nothing -f compose.yml -- -f compose.yml
}

# As one of many deploys it also removes the oldest record, and the secret and the config that none needs any more.
among_many() {
	another
	state ages
	sed -i '/^  old:/d' compose.yml
}

@test "an update that is ended at any of its changes and removals is brought to its end by the next" {
	every_moment 11 among_many -f compose.yml --prune -- -f compose.yml --prune
}

# The engine refuses what is no template of its own.
with_a_bad_file() {
	another
	sed "s/old: .*/old: {<<: *all, environment: {V: '{{no'}}/" compose.yml >bad.yml
}

@test "a deploy that is ended while it fails or is taken back leaves the next one what it needs" {
	failed=9
	every_moment 7 with_a_bad_file -f bad.yml -- -f compose.yml
}

@test "rm that is ended at any of its changes leaves the rest to the next" {
	every_moment 9 the_first rm -- rm
}

deployed_twice() {
	another
	directly -f compose.yml
}

@test "a rollback that is ended at any of its changes is brought to its end by the next" {
	every_moment 6 deployed_twice rollback -- rollback 1
}

# As long as it is global no node takes a task of it.
was_global() {
	nothing
	sed -i 's/old: .*/old: {<<: *all, deploy: {mode: global, placement: {constraints: [node.labels.no == yes]}}}/' compose.yml
	directly -f compose.yml --detach
	compose one
}

@test "a service that is ended between its removal and its creation is created by the next" {
	every_moment 5 was_global -f compose.yml --recreate -- -f compose.yml --recreate
}
