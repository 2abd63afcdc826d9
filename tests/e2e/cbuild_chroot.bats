# --isolation=chroot, as root with what docker leaves to a container: no mount, no namespace.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
	mkdir sub
	echo 'of the context' >a
	echo deep >sub/b
	printf 'geh-eim-42' >"$T/token"
}

teardown() {
	[ -z "${BUILD_PID-}" ] || kill "$BUILD_PID" 2>/dev/null || :
}

build() {
	expect 0 "$E2E_TOOLS/deny" --docker -- cbuild --isolation=chroot "$@" .
}

seen() {
	has "$(cat "$T/tree/$1")" "$2"
}

every_type() {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS other
	RUN mkdir /d && echo 'of the stage' >/d/f && chown 7:8 /d/f
	FROM $BUSYBOX
	RUN --mount=type=bind,target=/src,source=. cat /src/a /src/sub/b >/bind; echo lost >/src/a
	RUN --mount=from=other,source=/d,target=/stage/d cat /stage/d/f >/stage-seen; stat -c %u:%g /stage/d/f >>/stage-seen
	RUN --mount=from=other,target=/rw,rw echo x >/rw/new && rm /rw/d/f && test -e /rw/new && echo ok >/rw-seen
	RUN --mount=from=other,target=/rw test ! -e /rw/new && test -e /rw/d/f && echo ok >/rw-gone
	RUN --mount=type=tmpfs,target=/scratch echo x >/scratch/x; echo ok >/tmpfs
	RUN --mount=type=cache,target=/var/cache/own echo x >>/var/cache/own/n; wc -l </var/cache/own/n >/cache
	RUN --mount=type=secret,id=token stat -c '%a %u:%g' /run/secrets/token >/secret; wc -c </run/secrets/token >>/secret
	RUN --mount=type=secret,id=token,env=TOKEN test -n "\$TOKEN" && echo ok >/secret-env
	RUN --mount=type=bind,target=/deep/er --mount=type=tmpfs,target=/deep test -e /deep/er/a && echo ok >/nested
	RUN <<EOF3
	#!/bin/sh
	echo "\$0" >/script
	EOF3
	EOF2
}

@test "every type of mount shows what it is to show, and leaves nothing in a layer" {
	local layer
	every_type
	build --secret "id=token,src=$T/token"
	has "$err" 'isolation: chroot'
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/bind")" "$(cat a sub/b)"
	equal "$(cat "$T/tree/stage-seen")" $'of the stage\n7:8'
	seen rw-seen ok
	seen rw-gone ok
	seen tmpfs ok
	seen cache 1
	equal "$(cat "$T/tree/secret")" $'400 0:0\n10'
	seen secret-env ok
	seen nested ok
	equal "$(cat "$T/tree/script")" /dev/pipes/EOF3
	equal "$(cat a)" 'of the context'
	for layer in $(blob "$store" "$out" | jq -r '.layers[1:][].digest'); do
		equal "$(tar -tzf "$store/blobs/${layer/://}" | wc -l)" 1 "$(tar -tzf "$store/blobs/${layer/://}")"
	done
	nothing_in_tmp
	! grep -rlF geh-eim-42 "$CBUILD_ROOT" || fail 'the secret is in the state'
	# what was written to a mount without rw makes no other key
	local digest=$out
	build --secret "id=token,src=$T/token"
	has_no "$err" 'isolation:'
	equal "$out" "$digest"
	# the cache is there for the next build
	build --no-cache --secret "id=token,src=$T/token"
	equal "$(cat "$CBUILD_ROOT"/cache/mounts/*/n | wc -l)" 2
}

@test "the image is the same as with namespaces" {
	local digest
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY sub /app
	RUN mkdir /made && echo x >/made/f && ln /made/f /made/g && chmod 4755 /app/b && rm /etc/group
	RUN mv /made /moved && chown -R 7:8 /app && touch -d @1000 /moved/f
	EOF2
	export SOURCE_DATE_EPOCH=1700000000
	expect 0 cbuild --no-cache --isolation=ns .
	digest=$out
	build --no-cache
	equal "$out" "$digest"
}

@test "what cannot be had is said before any work" {
	dockerfile <<-EOF2
	FROM no.such.registry.example/image
	RUN true
	RUN --network=none true
	EOF2
	expect 7 cbuild --isolation=chroot .
	message cbuild 'Dockerfile:3' '--network=none cannot be had with --isolation=chroot'
	expect 7 cbuild --isolation=chroot --shm-size 1m .
	message cbuild '--shm-size cannot be had'
}

@test "who is not root cannot have it, and is told so" {
	dockerfile <<-EOF2
	FROM scratch
	RUN true
	EOF2
	mkdir -p "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	expect 7 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" --isolation=chroot .
	message cbuild 'needs root with CAP_SYS_CHROOT'
}

@test "SIGTERM ends a RUN and its daemons, and nothing is left" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=type=secret,id=token --mount=type=cache,target=/c trap 'touch /c/asked' TERM; setsid sleep 4711 & touch /c/ready; while :; do wait; done
	EOF2
	"$E2E_TOOLS/deny" --docker -- cbuild --isolation=chroot --secret "id=token,src=$T/token" . >/dev/null 2>&1 &
	BUILD_PID=$!
	until_true sh -c "ls $CBUILD_ROOT/tmp/*/*/c/ready $CBUILD_ROOT/tmp/*/*/*/c/ready 2>/dev/null | grep -q ."
	kill "$BUILD_PID"
	local status=0
	wait "$BUILD_PID" || status=$?
	BUILD_PID=
	equal "$status" 143
	! pgrep -f 'sleep 4711' || fail 'still running'
	nothing_in_tmp
	[ -e "$(ls -d "$CBUILD_ROOT"/cache/mounts/*/ready)" ] || fail 'the cache is not back'
	[ ! -e "$(echo "$CBUILD_ROOT"/cache/mounts/*/asked)" ] || fail 'it was asked and waited for'
}

@test "kill -9 of cbuild leaves no secret and no process" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=type=secret,id=token --mount=type=cache,target=/c setsid sleep 4711 & touch /c/ready; sleep 4712
	EOF2
	"$E2E_TOOLS/deny" --docker -- cbuild --isolation=chroot --secret "id=token,src=$T/token" . >/dev/null 2>&1 &
	BUILD_PID=$!
	until_true sh -c "ls $CBUILD_ROOT/tmp/*/*/c/ready $CBUILD_ROOT/tmp/*/*/*/c/ready 2>/dev/null | grep -q ."
	grep -rqF geh-eim-42 "$CBUILD_ROOT" || fail 'there is no secret to look for'
	kill -9 "$BUILD_PID"
	wait "$BUILD_PID" || :
	BUILD_PID=
	until_true sh -c '! pgrep -f "sleep 471[12]"'
	until_true sh -c "! grep -rqF geh-eim-42 $CBUILD_ROOT"
	until_true sh -c "ls $CBUILD_ROOT/cache/mounts/*/ready 2>/dev/null"
}
