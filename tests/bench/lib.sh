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
