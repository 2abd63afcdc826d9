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

# -- reuse ------------------------------------------------------------------------------

# Builds and pushes what is here, under the tag that others look for; sets $first and $input.
release() {
	expect 0 cbuild --print-input "$@" .
	input=$out
	expect 0 cbuild -t "$REPO" "$@" .
	first=$out
	expect 0 cpush "$REPO" -t latest -t "in-${input#sha256:}"
	# whoever comes next has nothing
	rm -rf "$CBUILD_ROOT"
}

value() {
	sed -n "s/^$1=//p" "$T/env"
}

@test "what was built of the same input is not built again" {
	release
	export CBUILD_DOTENV=$T/env
	expect 0 cbuild --reuse-from "$REPO" -t again --metadata-file "$T/meta" --iidfile "$T/iid" .
	equal "$out" "$first"
	has "$err" "nothing is built: $REPO@$first has the same input"
	has_no "$err" 'RUN echo'
	equal "$(value CBUILD_DIGEST) $(value CBUILD_INPUT) $(value CBUILD_REUSED)" "$first $input 1"
	[ "$(value CBUILD_SIZE)" -gt 100000 ]
	equal "$(jq -r '."containerimage.digest"' "$T/meta")" "$first"
	equal "$(cat "$T/iid")" "$(jq -r '."containerimage.config.digest"' "$T/meta")"
	# it is in the store, whole
	unpack "$CBUILD_ROOT/store" "$T/files" "$first"
	equal "$(cat "$T/files/made")" made
	nothing_in_tmp
	# and what was changed is built
	echo more >>hello
	expect 0 cbuild --reuse-from "$REPO" -t again .
	[ "$out" != "$first" ]
	has "$err" 'RUN echo'
	equal "$(value CBUILD_REUSED)" 0
}

@test "who wants a fresh build gets one" {
	local option
	release
	export CBUILD_DOTENV=$T/env
	for option in --no-cache --pull --no-cache-filter=0; do
		expect 0 cbuild --reuse-from "$REPO" "$option" -t again .
		equal "$(value CBUILD_REUSED)" 0 "$option"
		equal "$(value CBUILD_INPUT)" "$input" "$option"
	done
}

@test "an image is reused whatever commit it is labelled with, and keeps its label" {
	local key=org.opencontainers.image.revision
	release --label "$key=1"
	expect 0 cbuild --reuse-from "$REPO" --label "$key=2" -t again --dotenv "$T/env" .
	equal "$(value CBUILD_REUSED)" 1
	equal "$(config "$CBUILD_ROOT/store" "$out" ".config.Labels[\"$key\"]")" 1
}

@test "an image that is reused gets names in a registry without a byte" {
	release
	expect 0 cbuild --reuse-from "$REPO" -t "$REPO:mine" --push .
	equal "$out" "$first"
	equal "$(remote_digest "$REPO:mine")" "$first"
	equal "$(find "$CBUILD_ROOT/cache" -size +8k -type f)" ''
	expect 0 cbuild --reuse-from "$REPO" -t "$E2E_REGISTRY/$NAME-other/x:mine" --push .
	equal "$(remote_digest "$E2E_REGISTRY/$NAME-other/x:mine")" "$first"
}

@test "a thin layout of an image that is reused refers to all its layers" {
	release
	expect 0 cbuild --reuse-from "$REPO" -o type=oci,dest=image,tar=false,thin=true .
	equal "$out" "$first"
	# manifest and configuration
	equal "$(find image/blobs -type f | wc -l)" 2
	expect 0 cpush image "$E2E_REGISTRY/$NAME-thin:1"
	equal "$out" "$E2E_REGISTRY/$NAME-thin@$first"
	rm -rf image
	expect 0 cbuild --reuse-from "$REPO" -o type=oci,dest="$T/image.tar" .
	equal "$(skopeo inspect --format '{{.Digest}}' "oci-archive:$T/image.tar")" "$first"
}

@test "several platforms are reused together" {
	local platforms=linux/amd64,linux/arm64
	printf 'FROM scratch\nCOPY hello /\n' >Dockerfile
	release --platform "$platforms"
	expect 0 cbuild --reuse-from "$REPO" --platform "$platforms" -t "$E2E_REGISTRY/$NAME-two:1" .
	equal "$out" "$first"
	expect 0 cpush "$E2E_REGISTRY/$NAME-two:1"
	equal "$(skopeo inspect --raw --tls-verify=false "docker://$E2E_REGISTRY/$NAME-two:1" | jq '.manifests | length')" 2
}

@test "what an image that is reused cannot give is refused before any work" {
	expect 2 cbuild --reuse-from "$REPO:1" .
	message cbuild --reuse-from 'no repository'
	expect 2 cbuild --reuse-from "$REPO" -o out .
	message cbuild --reuse-from 'not its files'
	expect 2 cbuild --reuse-from "$REPO" -o type=docker,dest=x.tar .
	message cbuild --reuse-from media
	nothing_in_tmp
}
