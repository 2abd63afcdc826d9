# A job of GitLab's runner in the toolkit's own image: docker's default settings, the checkout a volume, the
# script on standard input.

# Makes the image (once for all tests) and puts it into the registry: $TOOLS.
job_image() {
	job_tree
	export LAYOUT="$TOP/$(tail -n 1 "$E2E_DIR/make-image")"
	export TOOLS="$E2E_REGISTRY/tools:1"
	"$E2E_BIN/cpush" -q "$LAYOUT" "$TOOLS"
}

# Makes it; its files are the folder $STATIC/tree.
job_tree() {
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	# sanitizers of the tools under test are none of the image's business; of two that want it one makes it
	(cd "$top" && flock image/image.mk env -u MAKEFLAGS -u MAKELEVEL -u SOURCE_DATE_EPOCH make -s image) >"$E2E_DIR/make-image" || {
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

# container_without_engine ROOT SCRIPT: a job's container made by hand, under the filter that docker has: ROOT
# is its "/" (container_files), $T/builds is /builds, and SCRIPT is its first process.
container_files() {
	mkdir -p "$1/proc" "$1/dev" "$1/builds" "$T/builds"
	cp -a "$STATIC/tree/." "$1/"
}
container_without_engine() {
	local root=$1
	unshare --mount --pid --fork sh -c '
		mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
		mount --bind "$2" "$1/builds" &&
		exec deny --docker -- chroot "$1" /cbuild/bin/env -i PATH=/cbuild/bin CBUILD_INPLACE=1 sh -c "$3"' \
		sh "$root" "$T/builds" "$2"
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
