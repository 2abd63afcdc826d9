#!/usr/bin/env bats
# The input digest of a build, and images that need not be built again.

load helper

setup() {
	begin
	dockerfile <<-EOF2
	FROM $BUSYBOX
	ARG VERSION
	COPY . /app
	RUN echo made >/made
	EOF2
	echo hello >hello
	mkdir bin
	echo '#!/bin/sh' >bin/run
	chmod 755 bin/run
}

# The same files in the folder $1, as git checks them out under a umask of 0.
checkout() {
	mkdir -p "$1"
	cp -r . "$1"
	chmod -R a+rwX "$1"
}

@test "an input digest is that of every checkout, and asks no registry" {
	local first
	sed -i "s|$BUSYBOX|127.0.0.1:1/none:1|" Dockerfile
	expect 0 cbuild --print-input .
	first=$out
	[[ $first =~ ^sha256:[0-9a-f]{64}$ ]] || fail "no digest: $first"
	equal "$(grep -c . <<<"$err" || :)" 0
	checkout "$T/other"
	equal "$(stat -c %a "$T/other/hello" "$T/other/bin/run" | tr '\n' ' ')" '666 777 '
	(cd "$T/other" && git -c init.defaultBranch=main init -q)
	expect 0 cbuild --print-input --build-arg UNUSED=1 "$T/other"
	equal "$out" "$first"
	expect 0 cbuild --print-input --build-arg VERSION=1 "$T/other"
	[ "$out" != "$first" ] || fail 'an argument is not in it'
	echo more >>hello
	expect 0 cbuild --print-input .
	[ "$out" != "$first" ] || fail 'a file is not in it'
	[ ! -e "$CBUILD_ROOT" ] || fail 'something was written'
	expect 2 cbuild --print-input --check .
}

@test "in a job of GitLab a checkout's umask is not in the image" {
	local first
	export SOURCE_DATE_EPOCH=0
	expect 0 cbuild -t a --context-modes git .
	first=$out
	checkout "$T/other"
	GITLAB_CI=true expect 0 cbuild -t b "$T/other"
	equal "$out" "$first"
	GITLAB_CI=true expect 0 cbuild -t c --context-modes keep "$T/other"
	[ "$out" != "$first" ] || fail 'keep does not keep'
	expect 0 cbuild -t d "$T/other"
	[ "$out" != "$first" ] || fail 'git is the default everywhere'
}

@test "a bind mount of the context has git's modes, too" {
	chmod 666 hello
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=type=bind,target=/src stat -c %a /src/hello /src/bin/run /src/bin >/modes
	EOF2
	expect 0 cbuild --context-modes git -o type=local,dest="$T/files" .
	equal "$(tr '\n' ' ' <"$T/files/modes")" '644 755 755 '
}

@test "a dotenv file says what was built out of what" {
	local input
	expect 0 cbuild --print-input .
	input=$out
	expect 0 cbuild -t a --dotenv "$T/env" .
	equal "$(sed 's/SIZE=[0-9]*$/SIZE=n/' "$T/env")" "CBUILD_DIGEST=$out
CBUILD_INPUT=$input
CBUILD_SIZE=n
CBUILD_REUSED=0"
}
