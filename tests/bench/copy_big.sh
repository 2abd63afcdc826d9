# COPY of one large file into an image FROM scratch: how long, and how much memory.
. "$HERE/lib.sh"

SIZE=$(scaled 1000000000)
MB=$(calc %.0f "$SIZE / 1e6")

# Half of it can be compressed, half cannot, in pieces of 64 KiB: about what programs and their data give.
make_file() {
	mkdir -p "$WORK/context"
	awk 'BEGIN { for (i = 0; i < 1500; i++) printf "line %d of a text that repeats itself a little\n", i }' |
		head -c 65536 >"$WORK/text"
	blocks=$((SIZE / 131072 + 1))
	n=0
	while [ "$n" -lt 64 ]; do
		head -c 65536 /dev/urandom
		cat "$WORK/text"
		n=$((n + 1))
	done >"$WORK/piece"
	while [ "$blocks" -gt 0 ]; do
		cat "$WORK/piece"
		blocks=$((blocks - 64))
	done | head -c "$SIZE" >"$WORK/context/big"
	rm -f "$WORK/text" "$WORK/piece"
	printf 'FROM scratch\nCOPY big /big\n' >"$WORK/context/Dockerfile"
}

build() {
	"$BIN/cbuild" -q --root "$WORK/root" -t bench/big "$WORK/context"
}
prepare_build() {
	rm -rf "$WORK/root"
}
gzip_6() {
	gzip -6 <"$WORK/context/big" >/dev/null
}
read_only() {
	cat "$WORK/context/big" >/dev/null
}
hash_only() {
	sha256sum "$WORK/context/big"
}
copy_only() {
	cp "$WORK/context/big" "$WORK/copy" && rm "$WORK/copy"
}

echo "copy_big: COPY of $MB MB FROM scratch"
make_file
measure build gzip_6 hash_only copy_only read_only || exit 1
rate() {
	calc '%.0f MB/s' "$SIZE / $(time_of "$1")"
}
row build 'cbuild' "$(rate build)"
row gzip_6 'gzip -6 of the same bytes' "$(rate gzip_6)"
row hash_only 'the bytes alone: sha256sum' "$(rate hash_only)"
row copy_only 'the bytes alone: cp' "$(rate copy_only)"
row read_only 'the bytes alone: cat >/dev/null' "$(rate read_only)"
prepare_build
if peak=$(peak_kib "$BIN/cbuild" -q --root "$WORK/root" -t bench/big "$WORK/context"); then
	printf '  %-34s %9.1f MiB\n' 'cbuild, peak memory' "$(calc %.1f "$peak / 1024")"
else
	skip 'cbuild, peak memory' 'neither /usr/bin/time nor python3 is there'
fi
