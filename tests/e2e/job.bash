# A job of GitLab's runner in the toolkit's own image: docker's default settings, the checkout a volume, the
# script on standard input.

# Makes the image (once for all tests) and puts it into the registry: $TOOLS.
job_image() {
	job_tree
	export LAYOUT="$TOP/$(tail -n 1 "$E2E_DIR/make-image")"
	export TOOLS="$E2E_REGISTRY/tools:1"
	"$E2E_BIN/cpush" -q "$LAYOUT" "$TOOLS"
}

# How we were made ourselves, with sanitizers perhaps, is none of the image's business.
MAKE_AFRESH=(env -u MAKEFLAGS -u MAKELEVEL -u BUILD -u CFLAGS make -s)

# Makes it; its files are the folder $STATIC/tree.
job_tree() {
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	# of two that want it one makes it
	(cd "$top" && flock image/image.mk env -u SOURCE_DATE_EPOCH "${MAKE_AFRESH[@]}" image) >"$E2E_DIR/make-image" || {
		cat "$E2E_DIR/make-image"
		return 1
	}
	export TOP="$top" STATIC="$top/build/static"
}

# small_context N NAME...: in the folder one is in, a base of busybox under these names, and N files beside it.
small_context() {
	local count=$1 name
	shift
	mkdir -p base/bin files
	cp /bin/busybox base/bin
	for name; do
		ln -s busybox "base/bin/$name"
	done
	for name in $(seq "$count"); do
		echo "$name" >"files/$name"
	done
}

# Everything of a container's own, to be compared: $LIST in a job's script, then list.
LIST='list() { find / -xdev ! -path "/cbuild/state*" ! -path "/cbuild/inplace*" ! -path "/cbuild/tmp/*" \
	! -path /cbuild ! -path "/proc*" ! -path "/dev*" ! -path "/builds*" \
	-exec stat -c "%n %F %a %u:%g %s %Y %h" {} + | sort; }'

# container_without_engine ROOT SCRIPT [ARGUMENT...]: a job's container made by hand, under the filter that docker has:
# ROOT is its "/" (container_files), $T/builds is /builds, VOLUMES are like docker's -v, and SCRIPT is its first
# process. REFUSED: system calls that are refused, too.
container_files() {
	mkdir -p "$1/proc" "$1/dev" "$1/builds" "$T/builds"
	cp -a "$STATIC/tree/." "$1/"
}
container_without_engine() {
	REFUSED=${REFUSED-} VOLUMES="$T/builds:/builds ${VOLUMES-}" unshare --mount --pid --fork sh -c '
		root=$1
		shift
		mount --bind "$root" "$root" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit
		for volume in $VOLUMES; do
			mkdir -p "$root${volume#*:}" && mount --bind "${volume%%:*}" "$root${volume#*:}" || exit
		done
		exec deny --docker $REFUSED -- chroot "$root" /cbuild/bin/env -i PATH=/cbuild/bin CBUILD_INPLACE=1 sh -c "$@"' \
		sh "$1" "$2" sh "${@:3}"
}

# What GitLab's runner starts in the image of a job (shells/bash.go).
DETECT='if [ -x /usr/local/bin/bash ]; then
	exec /usr/local/bin/bash
elif [ -x /usr/bin/bash ]; then
	exec /usr/bin/bash
elif [ -x /bin/bash ]; then
	exec /bin/bash
elif [ -x /usr/local/bin/sh ]; then
	exec /usr/local/bin/sh
elif [ -x /usr/bin/sh ]; then
	exec /usr/bin/sh
elif [ -x /bin/sh ]; then
	exec /bin/sh
elif [ -x /busybox/sh ]; then
	exec /busybox/sh
else
	echo shell not found
	exit 1
fi'

# job [OPTION OF docker run...] <SCRIPT
job() {
	mkdir -p "$T/builds/group/app"
	expect_script=$(cat)
	expect "${job_status-0}" in_job "$@"
}
in_job() {
	engine run --rm -i --network host -v "$T/builds:/builds" "$@" "$TOOLS" sh -c "$DETECT" <<<"$expect_script"
}
