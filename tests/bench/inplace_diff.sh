# What finding out costs that a RUN has changed little in a large tree, where nothing can be mounted:
# one walk over the tree after each RUN.
. "$HERE/lib.sh"

FILES=$(scaled 160000)
RUNS_MORE=10

# busybox, and a thousand small files again and again
make_base() {
	mkdir -p "$WORK/base/bin" "$WORK/base/tmp" "$WORK/base/lib/0"
	cp "$(command -v busybox)" "$WORK/base/bin/busybox"
	for name in sh true; do
		ln -sf busybox "$WORK/base/bin/$name"
	done
	n=0
	while [ "$n" -lt 1000 ]; do
		dir=$WORK/base/lib/0/package$((n / 10))
		mkdir -p "$dir"
		echo "module $n" >"$dir/module_$n.py"
		n=$((n + 1))
	done
	n=1
	while [ $((n * 1000)) -lt "$FILES" ]; do
		cp -r "$WORK/base/lib/0" "$WORK/base/lib/$n"
		n=$((n + 1))
	done
	sh "$SERVERS/pack" "$WORK/base" "$WORK/layout" latest
	rm -rf "$WORK/base/lib"
}

dockerfile() {
	mkdir -p "$WORK/$1"
	{
		echo 'FROM base'
		n=0
		while [ "$n" -lt "$2" ]; do
			echo 'RUN true >/changed'
			n=$((n + 1))
		done
	} >"$WORK/$1/Dockerfile"
}

build() {
	"$BIN/cbuild" -q --no-cache --isolation "$1" --root "$WORK/root-$1" \
		--build-context "base=oci-layout://$WORK/layout:latest" -t "bench/$2" "$WORK/$2"
}
chroot_one() { build chroot one; }
chroot_more() { build chroot more; }
ns_one() { build ns one; }

echo "inplace_diff: a base of $FILES files, one changed"
if ! has busybox; then
	skip 'all' 'busybox is not installed'
	exit 0
elif [ "$(id -u)" -ne 0 ]; then
	skip 'all' 'needs root'
	exit 0
fi
make_base
dockerfile one 1
dockerfile more $((1 + RUNS_MORE))
# layers are fetched and looked into once
build chroot one >/dev/null 2>&1 && build ns one >/dev/null 2>&1
measure chroot_one chroot_more ns_one || exit 1
row chroot_one "in one directory, unpacked anew"
row ns_one "overlay over what is unpacked"
printf '  %-34s %9.1f ms\n' 'each further RUN in one directory' \
	"$(calc %.1f "($(time_of chroot_more) - $(time_of chroot_one)) / $RUNS_MORE / 1000")"
if peak=$(peak_kib "$BIN/cbuild" -q --no-cache --isolation chroot --root "$WORK/root-chroot" \
	--build-context "base=oci-layout://$WORK/layout:latest" -t bench/one "$WORK/one"); then
	printf '  %-34s %9.1f MiB\n' 'memory at most' "$(calc %.1f "$peak / 1024")"
fi
