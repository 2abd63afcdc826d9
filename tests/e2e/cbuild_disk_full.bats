# A disk that is full, at any moment of a build: one line that names the place, the status of the manual, nothing
# half-done; and when there is room again the next build works, and its image is the right one.

load helper
load job

setup_file() {
	job_tree
}

setup() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	SEED=${DISK_SEED:-$RANDOM}
	echo "seed $SEED (DISK_SEED of the environment)"
	small_context 20 sh cat dd mkdir ln rm
	mkdir "$T/small"
}

teardown() {
	umount -l "$T/small" 2>/dev/null || :
}

# small OPTION,...: a disk of that size is $T/small, what was there is gone
small() {
	umount "$T/small" 2>/dev/null || :
	mount -t tmpfs -o "$1" tmpfs "$T/small"
}

room_again() {
	mount -o remount,size=100m,nr_inodes=100000 "$T/small"
}

# A step or more of each kind. (No command of it says more than it must when the disk is full.)
build_of_all() {
	cat <<-EOF2
	FROM scratch AS one
	COPY base /
	RUN mkdir /out && dd if=/bin/busybox of=/out/a bs=1k count=300 2>/dev/null && ln /out/a /out/b
	COPY files /files
	FROM $BUSYBOX
	COPY --from=one /out /out
	RUN --mount=from=one,target=/m --mount=type=cache,target=/k cat /m/files/* >/k/all && cat /k/all >/all && rm /out/b
	EOF2
}

# full COMMAND...: it fails as it must, or does not. In $got, how.
full() {
	got=0
	"$@" >"$T/stdout" 2>"$T/stderr" </dev/null || got=$?
	out=$(cat "$T/stdout") err=$(cat "$T/stderr")
	case $got in
	0) equal "$out" "$want" ;;
	1) message cbuild 'Dockerfile:' 'exit status' ;; # of a RUN that could not write
	7) message cbuild ' is full: ' 'No space left' ;;
	*) fail "status $got" ;;
	esac
	[ "$got" -eq 0 ] || equal "$out" '' 'standard output'
}

# Sizes and numbers of files by chance, so that it is full at any moment: limit NUMBER, in KIB and FILES what
# the build needs, in USED_KIB and USED_FILES what is there.
limit() {
	case $(($1 % 2)) in
	0) limit=size=$((USED_KIB + RANDOM % (KIB + KIB / 3) + 4))k ;;
	1) limit=size=100m,nr_inodes=$((USED_FILES + RANDOM % (FILES + FILES / 3) + 2)) ;;
	esac
	echo "$limit"
}

reference() {
	build_of_all >Dockerfile
	expect 0 cbuild --root "$T/large" "$@" .
	want=$out
	KIB=$(du -sk "$T/large" | cut -f1) FILES=$(find "$T/large" | wc -l) USED_KIB=0 USED_FILES=0
	RANDOM=$SEED
}

# at_any_moment COUNT OPTION...
at_any_moment() {
	local count=$1 i limit failed=0
	shift
	reference "$@"
	for i in $(seq "$count"); do
		limit "$i"
		small "$limit"
		full cbuild --root "$T/small/root" "$@" .
		[ "$got" -eq 0 ] || failed=$((failed + 1))
		nothing_left
		room_again
		expect 0 cbuild --root "$T/small/root" "$@" .
		equal "$out" "$want" 'with room again'
	done
	[ "$failed" -gt $((count / 4)) ] || fail "only $failed of $count builds had a full disk"
}

nothing_left() {
	local root=$T/small/root
	[ -e "$root" ] || root=$T/small/container/cbuild/state
	equal "$(find "$root/tmp" -mindepth 1 ! -name .lock 2>/dev/null)" '' 'left in tmp'
	equal "$(find "$root" \( -name '.tmp*' -o -name '.gone-*' \) 2>/dev/null)" '' 'half of a file'
}

# fails STATUS COMMAND...: with the one message, and nothing is left; works when there is room again.
fails() {
	want=$1
	shift
	expect "$want" "$@"
	equal "$out" ''
	nothing_left
	full_err=$err
	room_again
	expect 0 "$@"
	err=$full_err
}

@test "namespaces: at any moment" {
	at_any_moment 14 --isolation ns
}

@test "one directory changed in place: at any moment" {
	at_any_moment 14 --isolation chroot
}

@test "in place: at any moment, and the container's own files are back" {
	local i limit failed=0 name build='cd /builds/app && cbuild --root /cbuild/state .'
	reference
	container_files "$T/container"
	cp -r . "$T/builds/app"
	for i in $(seq 10); do
		small size=100m
		cp -a "$T/container" "$T/small/"
		USED_KIB=$(df -k --output=used "$T/small" | tail -n 1)
		USED_FILES=$(df --output=iused "$T/small" | tail -n 1)
		limit "$i"
		mount -o "remount,$limit" "$T/small"
		full container_without_engine "$T/small/container" "export SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH
			$LIST; list >/builds/before; $build; r=\$?; list >/builds/after; exit \$r"
		[ "$got" -eq 0 ] || failed=$((failed + 1))
		expect 0 diff "$T/builds/before" "$T/builds/after"
		nothing_left
		name=$(find "$T/small/container/cbuild/inplace" -mindepth 1 ! -name trees ! -name covered 2>/dev/null) || :
		equal "$name" '' 'left of a RUN in place'
		room_again
		expect 0 container_without_engine "$T/small/container" \
			"export SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH; $build"
		equal "$out" "$want" 'with room again'
	done
	[ "$failed" -gt 2 ] || fail "only $failed builds had a full disk"
}

@test "while a base is unpacked" {
	printf 'FROM %s\nRUN true\n' "$BUSYBOX" >Dockerfile
	local how
	for how in ns chroot; do
		small size=2000k
		fails 7 cbuild --root "$T/small/root" --isolation "$how" .
		message cbuild "the disk of '$T/small/root' is full" "'bin/busybox': write"
	done
}

@test "while a RUN writes: its own status, and a word about the disk" {
	printf 'FROM %s\nRUN dd if=/dev/urandom of=/big bs=1k count=8000\n' "$BUSYBOX" >Dockerfile
	local how
	for how in ns chroot; do
		small size=6m
		fails 1 cbuild --root "$T/small/root" --isolation "$how" .
		message cbuild Dockerfile:2 'exit status 1; the disk that its files are on is full'
	done
}

@test "while a layer is packed" {
	printf 'FROM %s\nRUN dd if=/dev/urandom of=/big bs=1k count=4000\nRUN true\n' "$BUSYBOX" >Dockerfile
	local how
	for how in ns chroot; do
		small size=9m
		fails 7 cbuild --root "$T/small/root" --isolation "$how" .
		message cbuild "the disk of '$T/small/root' is full" Dockerfile:2
	done
}

@test "while an archive or a folder of files is written" {
	printf 'FROM %s\nRUN echo x >/x\n' "$BUSYBOX" >Dockerfile
	local type
	for type in oci docker tar local; do
		small size=900k
		expect 7 cbuild -o "type=$type,dest=$T/small/out" .
		message cbuild "the disk of '$T/small/out' is full" 'No space left'
		[ "$type" = local ] || equal "$(ls -A "$T/small")" '' 'half an archive'
		room_again
		expect 0 cbuild -o "type=$type,dest=$T/small/out" .
	done
}

@test "while a cache in a directory is written" {
	printf 'FROM %s\nRUN dd if=/dev/urandom of=/big bs=1k count=2000\n' "$BUSYBOX" >Dockerfile
	small size=900k
	expect 7 cbuild --cache-to "type=local,dest=$T/small/cache,mode=max" .
	message cbuild "the disk of '$T/small/cache' is full" "cache to '$T/small/cache'"
	equal "$(find "$T/small/cache/blobs" -type f)" ''
	expect 0 cbuild --cache-to "type=local,dest=$T/small/cache,mode=max,ignore-error=true" .
	has "$err" 'warning: '
	room_again
	expect 0 cbuild --cache-to "type=local,dest=$T/small/cache,mode=max" .
	want=$out
	expect 0 cbuild --root "$T/other" --cache-from "type=local,src=$T/small/cache" .
	equal "$out" "$want"
}
