# What the measurements share; read by tests/bench/*.sh with ".". Sets nothing but functions.
#
# A contender is a function that does the work once. measure runs all contenders of a measurement
# in turn, RUNS times, so that what the machine does meanwhile hits all alike, and prints for
# each the median and the span of its times. PREPARE_name, where there is one, runs before
# and is not counted.

now_us() {
	echo $(($(date +%s%N) / 1000))
}

# median FILE: of numbers, one per line
median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# scaled N: N times BENCH_SCALE, at least 1
scaled() {
	awk -v n="$1" -v s="$SCALE" 'BEGIN { r = int(n * s + 0.5); print r < 1 ? 1 : r }'
}

has() {
	command -v "$1" >/dev/null 2>&1
}

skip() {
	printf '  %-34s skipped: %s\n' "$1" "$2"
}

# calc 'expression in awk': for ratios and rates
calc() {
	awk "BEGIN { printf \"$1\", $2 }"
}

# once NAME: one counted run, in microseconds to $WORK/times/NAME
once() {
	if type "prepare_$1" >/dev/null 2>&1; then
		"prepare_$1" || return 1
	fi
	begin=$(now_us)
	if ! "$1" >"$WORK/last.log" 2>&1; then
		echo "bench: $1 failed:" >&2
		tail -n 5 "$WORK/last.log" >&2
		return 1
	fi
	echo $(($(now_us) - begin)) >>"$WORK/times/$1"
}

# measure NAME...: functions; then time_of NAME has the median in microseconds
measure() {
	rm -rf "$WORK/times"
	mkdir -p "$WORK/times"
	run=1
	while [ "$run" -le "$RUNS" ]; do
		for name in "$@"; do
			once "$name" || return 1
		done
		run=$((run + 1))
	done
}

time_of() {
	median "$WORK/times/$1"
}

# row NAME LABEL [REMARK]: the median of a contender in milliseconds, fastest and slowest
row() {
	sort -n "$WORK/times/$1" | awk -v label="$2" -v median="$(time_of "$1")" -v remark="${3-}" '
		NR == 1 { least = $1 }
		{ most = $1 }
		END {
			printf "  %-34s %9.1f ms  (%.1f to %.1f)  %s\n", label, median / 1000,
				least / 1000, most / 1000, remark
		}'
}

# peak_kib COMMAND...: most memory that the command or a child of it had at one time
peak_kib() {
	if [ -x /usr/bin/time ]; then
		/usr/bin/time -f %M -o "$WORK/peak" "$@" >"$WORK/last.log" 2>&1 && cat "$WORK/peak"
	elif has python3; then
		python3 -c 'import resource, subprocess, sys
r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(r.returncode)' "$@"
	else
		return 1
	fi
}

# -- from a Dockerfile to an image in a registry: what such rows share ---------------
# The registry: sets ADDRESS. stop_servers takes down what was started.
start_registry() {
	has docker-registry || { why='docker-registry is not installed'; return 1; }
	ADDRESS=$(sh "$SERVERS/registry" start "$WORK/registry")
}

start_engine() {
	if [ "$(id -u)" -ne 0 ]; then
		why='needs root'
	elif ! has dockerd || ! has docker; then
		why='docker is not installed'
	elif ! DOCKER_HOST=$(sh "$SERVERS/engine" start "$WORK/engine" 2>"$WORK/engine.log"); then
		why='its engine does not run here'
	else
		export DOCKER_HOST
		return 0
	fi
	return 1
}

# BuildKit where a client has it (Debian's has it built in, newer ones want buildx), else the builder
# that docker had before: sets docker, DOCKER_BUILDKIT and builder. The engine runs.
find_builder() {
	why='its build does not run here'
	mkdir -p "$WORK/probe"
	printf 'FROM scratch\nCOPY Dockerfile /\n' >"$WORK/probe/Dockerfile"
	for DOCKER_BUILDKIT in 1 0; do
		export DOCKER_BUILDKIT
		builder=BuildKit
		[ "$DOCKER_BUILDKIT" = 1 ] || builder='old builder'
		for docker in docker /usr/bin/docker; do
			! "$docker" build -q "$WORK/probe" >/dev/null 2>&1 || return 0
		done
	done
	return 1
}

stop_servers() {
	[ ! -d "$WORK/engine" ] || sh "$SERVERS/engine" stop "$WORK/engine"
	[ ! -d "$WORK/registry" ] || sh "$SERVERS/registry" stop "$WORK/registry"
}
stop_servers_at_end() {
	trap stop_servers EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# cbuild_push NAME CONTEXT [OPTION...] and docker_push NAME CONTEXT: a new tag for every run
cbuild_push() {
	name=$1 context=$2
	shift 2
	"$BIN/cbuild" -q --root "$WORK/root" --push -t "$ADDRESS/bench/$name:$run" "$@" "$context"
}
docker_push() {
	"$docker" build -q --network none -t "$ADDRESS/bench/$1-docker:$run" "$2" &&
		"$docker" push -q "$ADDRESS/bench/$1-docker:$run"
}

# ratio MINE THEIRS: the first as a share of the second
ratio() {
	printf '  %-34s %9.1f %%\n' "cbuild / docker ($builder)" "$(calc %.1f "100 * $(time_of "$1") / $(time_of "$2")")"
}

# peak COMMAND...: a row for it
peak() {
	if peak=$(peak_kib "$@"); then
		printf '  %-34s %9.1f MiB\n' 'cbuild, peak memory' "$(calc %.1f "$peak / 1024")"
	else
		skip 'cbuild, peak memory' 'neither /usr/bin/time nor python3 is there'
	fi
}
