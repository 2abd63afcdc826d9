# Does time grow with the work and no faster, and does memory stay? Each kind at a quarter and in full: twice the
# square would show as 16, not 4. Not among what `make bench` runs by itself: BENCH_ONLY=scale.
. "$HERE/lib.sh"

RUNS=1
STEPS=$(scaled 1000) FILES=$(scaled 1000000) BYTES=$(scaled 20000000000)

make_base() {
	mkdir -p "$WORK/base/bin" "$WORK/base/tmp"
	cp "$(command -v busybox)" "$WORK/base/bin/busybox"
	ln -sf busybox "$WORK/base/bin/sh"
	sh "$SERVERS/pack" "$WORK/base" "$WORK/layout" latest
}

# steps N: a context with N RUN
steps() {
	{
		echo 'FROM base'
		n=0
		while [ "$n" -lt "$1" ]; do
			echo "RUN echo $n >/file-$n"
			n=$((n + 1))
		done
	} >"$WORK/context/Dockerfile"
}

# files N: N small files in folders of a thousand
files() {
	awk -v n="$1" -v dir="$WORK/context" 'BEGIN {
		for (i = 0; i < n; i++) {
			if (i % 1000 == 0)
				system("mkdir " dir "/d" int(i / 1000))
			name = dir "/d" int(i / 1000) "/f" i
			print i >name
			close(name)
		}
	}'
	printf 'FROM scratch\nCOPY . /\n' >"$WORK/context/Dockerfile"
}

# bytes N: one file, half of which can be compressed
bytes() {
	awk 'BEGIN { for (i = 0; i < 1500; i++) printf "line %d of a text that repeats itself a little\n", i }' |
		head -c 65536 >"$WORK/piece"
	head -c 65536 /dev/urandom >>"$WORK/piece"
	n=$1
	while [ "$n" -gt 0 ]; do
		cat "$WORK/piece"
		n=$((n - 131072))
	done >"$WORK/context/big"
	printf 'FROM scratch\nCOPY big /\n' >"$WORK/context/Dockerfile"
}

# once_with KIND N: prints microseconds and KiB
once_with() {
	rm -rf "$WORK/context" "$WORK/root"
	mkdir -p "$WORK/context"
	"$1" "$2"
	begin=$(now_us)
	kib=$(peak_kib "$BIN/cbuild" -q --root "$WORK/root" --build-context "base=oci-layout://$WORK/layout:latest" \
		-t bench/scale "$WORK/context") || { tail -n 5 "$WORK/last.log" >&2; return 1; }
	echo "$(($(now_us) - begin)) $kib"
}

scale() {
	quarter=$(once_with "$1" "$(($2 / 4))") && full=$(once_with "$1" "$2") || exit 1
	printf '  %-34s %9.1f s   %.2f times a quarter of it; peak memory %.1f MiB, %.1f MiB\n' "$3" \
		"$(calc %.1f "${full% *} / 1e6")" "$(calc %.2f "${full% *} / ${quarter% *}")" \
		"$(calc %.1f "${full#* } / 1024")" "$(calc %.1f "${quarter#* } / 1024")"
}

echo 'scale: four times the work'
if ! has busybox; then
	skip 'all' 'busybox is not installed'
	exit 0
fi
make_base
scale steps "$STEPS" "$STEPS RUN"
scale files "$FILES" "$FILES files in a context"
scale bytes "$BYTES" "a layer of $(calc %.1f "$BYTES / 1e9") GB"
