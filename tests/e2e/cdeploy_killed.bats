# kill -9 at each request by which a deploy changes something, before the engine has seen it and after it has done
# it; then cdeploy once more, which must end in what a deploy that nobody killed ends in. To die at a question
# leaves what the change before it has left.

load helper

setup() {
	begin
	at=$("$E2E_SERVERS/faults" start "$T/faults" "unix:${E2E_ENGINE#unix://}")
	export DOCKER_HOST=tcp://$at CDEPLOY_STABLE=1ms CDEPLOY_PROJECT=e2e/$NAME
}

teardown() {
	"$E2E_SERVERS/faults" stop "$T/faults"
	state remove
}

# A network, a secret and two services without tasks; all but the network are others in another VERSION.
compose() {
	echo "secret of $1" >key.txt
	cat >compose.yml <<-EOF2
	name: $NAME
	services:
	  web: {image: $BUSYBOX, secrets: [key], environment: {V: $1}, deploy: {replicas: 0}}
	  worker: {image: $BUSYBOX, environment: {V: $1}, deploy: {replicas: 0}}
	secrets:
	  key: {file: key.txt}
	EOF2
}

# state [remove]
state() {
	python3 -IS "$BATS_TEST_DIRNAME/stack_state.py" "${E2E_ENGINE#unix://}" "$NAME" "e2e/$NAME" "$@"
}

rules() {
	printf '%s\n' "$@" >"$T/faults/rules"
	: >"$T/faults/log"
}

# kill_at K ACTION: a deploy whose K-th change is held up so, and which dies then. $died is that request;
# empty: there is no K-th.
kill_at() {
	local pid got=0
	rules "POST,PUT,DELETE . $1 $2"
	# no function: what is killed must be the program
	cdeploy -f compose.yml >"$T/killed" 2>&1 3>&- </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null && ! grep -q " $2\$" "$T/faults/log"; do sleep 0.02; done
	kill -KILL "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || got=$?
	died=$(grep " $2\$" "$T/faults/log") || :
	equal "$got" "$([ -z "$died" ] && echo 0 || echo 137)" "$(cat "$T/killed")"
}

# every_moment BEFORE LEAST SECRETS: kills at all changes, which are at least so many; BEFORE makes what is there
# before, SECRETS are there afterwards (those of earlier versions stay as long as there is a way back to them).
every_moment() {
	local k=1 action killed=0 want
	# bats follows every command of a test, which is dear
	trap - DEBUG
	set +T
	"$1"
	rules
	expect 0 cdeploy -f compose.yml
	want=$(state)
	equal "$(jq -c '[.services, .networks, .secrets | length]' <<<"$want")" "[2,1,$3]"
	while :; do
		for action in hang hold; do
			"$1"
			kill_at "$k" "$action"
			[ -n "$died" ] || break 2
			killed=$((killed + 1))
			DOCKER_HOST=$E2E_ENGINE expect 0 cdeploy -f compose.yml
			[ "$(state)" = "$want" ] || fail "killed at change $k, $died: $(diff <(jq . <<<"$want") <(state | jq .))"
		done
		k=$((k + 1))
	done
	echo "# killed $killed times, at $((k - 1)) changes" >&3
	[ "$k" -gt "$2" ]
}

nothing() {
	state remove
	compose one
}
the_first() {
	nothing
	DOCKER_HOST=$E2E_ENGINE cdeploy -f compose.yml >/dev/null 2>&1
	compose two
}

@test "a first deploy that is killed at any of its changes is brought to its end by the next" {
	every_moment nothing 6 1
}

@test "an update that is killed at any of its changes is brought to its end by the next" {
	every_moment the_first 5 2
}
