# A build that does not come to its end: by a signal, by kill -9, by a second one beside it.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
	# a name for the sleeper that no other process on this machine has
	seconds=$((100000 + RANDOM * 10 + BATS_TEST_NUMBER))
	# it would say that it was asked to end, and would not end
	printf 'FROM %s\nRUN --mount=type=cache,target=/c trap "touch /c/asked" TERM INT HUP; setsid sleep %s & while :; do wait; done\n' \
		"$BUSYBOX" "$seconds" >Dockerfile
}

teardown() {
	local pid
	for pid in ${build-} $(pgrep -f "^sleep $seconds\$"); do
		kill -KILL "$pid" 2>/dev/null || :
	done
}

start_build() {
	# a shell's background commands ignore SIGINT, and cbuild leaves what is ignored so
	env --default-signal=INT cbuild -t "$REPO" . >"$T/stdout" 2>"$T/stderr" 3>&- </dev/null &
	build=$!
	until_true sleeps
}

sleeps() {
	kill -0 "$build" 2>/dev/null || fail "the build has ended: $(cat "$T/stderr")"
	pgrep -f "^sleep $seconds\$" >/dev/null
}

no_sleeper() {
	! pgrep -f "^sleep $seconds\$" >/dev/null
}

# By the time that we are back, and no time was given to it.
ended_at_once() {
	no_sleeper || fail 'the command still runs'
	[ ! -e "$(echo "$CBUILD_ROOT"/cache/mounts/*/asked)" ] || fail 'it was asked and waited for'
}

ends_with() {
	local got=0
	wait "$build" || got=$?
	out=$(cat "$T/stdout") err=$(cat "$T/stderr")
	equal "$got" "$1"
}

@test "SIGTERM in the middle of RUN: 143, the command is dead, nothing is left" {
	start_build
	kill -TERM "$build"
	ends_with 143
	ended_at_once
	[ ! -e "$store/index.json" ] || equal "$(jq '.manifests | length' "$store/index.json")" 0
	nothing_in_tmp
}

@test "SIGINT in the middle of RUN: 130, the command is dead, nothing is left" {
	start_build
	kill -INT "$build"
	ends_with 130
	ended_at_once
	nothing_in_tmp
}

@test "kill -9 in the middle of RUN: the command dies too, and the next build works and tidies up" {
	start_build
	kill -KILL "$build"
	wait "$build" || :
	until_true no_sleeper
	printf 'FROM %s\nRUN touch /fine\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -t "$REPO" .
	equal "$(last_layer "$store" "$out")" fine
	nothing_in_tmp
}

@test "two builds side by side in one root both end well" {
	printf 'FROM %s\nRUN touch /one\n' "$BUSYBOX" >Dockerfile.one
	printf 'FROM %s\nRUN touch /two\n' "$BUSYBOX" >Dockerfile.two
	cbuild -f Dockerfile.one -t "$REPO:one" . >"$T/one" 2>"$T/one.err" 3>&- &
	one=$!
	expect 0 cbuild -f Dockerfile.two -t "$REPO:two" .
	wait "$one" || fail "$(cat "$T/one.err")"
	equal "$(jq '.manifests | length' "$store/index.json")" 2
	equal "$(last_layer "$store" "$(cat "$T/one")")" one
	equal "$(last_layer "$store" "$out")" two
	nothing_in_tmp
}

@test "a process that RUN leaves in the background ends with the RUN" {
	printf 'FROM %s\nRUN sleep %s & echo started\n' "$BUSYBOX" "$seconds" >Dockerfile
	expect 0 cbuild .
	until_true no_sleeper
}
