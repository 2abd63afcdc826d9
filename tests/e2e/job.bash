# A job of GitLab's runner in the toolkit's own image: docker's default settings, the checkout a volume, the
# script on standard input.

# Makes the image (once for all tests) and puts it into the registry: $TOOLS.
job_image() {
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	# sanitizers of the tools under test are none of the image's business
	(cd "$top" && env -u MAKEFLAGS -u MAKELEVEL -u SOURCE_DATE_EPOCH make -s image) >"$E2E_DIR/make-image" || {
		cat "$E2E_DIR/make-image"
		return 1
	}
	export LAYOUT="$top/$(tail -n 1 "$E2E_DIR/make-image")" TOP="$top" STATIC="$top/build/static"
	export TOOLS="$E2E_REGISTRY/tools:1"
	"$E2E_BIN/cpush" -q "$LAYOUT" "$TOOLS"
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
