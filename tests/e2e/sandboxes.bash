# (A file with several names that a RUN writes to is the one known difference: overlayfs gives the one name a
# copy, see oci/build/flat.h. So nothing here does that.)
#
# What breaks sandboxes, as one build that each of them carries out: sandboxes_prepare makes the context
# and two Dockerfiles, `plain` for all and `owners` for those that have more ids than one;
# sandboxes_same builds one and wants the image that namespaces of root have made of it.

sandboxes_prepare() {
	export SOURCE_DATE_EPOCH=1700000000
	# a name for the daemon that no other process on this machine has
	seconds=$((100000 + RANDOM * 10 + BATS_TEST_NUMBER))
	mkdir -p tree/sub/deep
	echo one >tree/one
	ln tree/one tree/also
	echo deep >tree/sub/deep/file
	ln -s ../one tree/sub/link
	printf 'geh-eim-42' >"$T/token"
	cp /bin/busybox set-user
	sandboxes_plain >plain
	sandboxes_owners >owners
	chmod -R a+rX .
}

# Each line is a story; a line that starts with a comment says which.
sandboxes_plain() {
	cat <<-EOF2
	FROM $BUSYBOX AS other
	RUN mkdir /d && echo 'of the stage' >/d/f && ln -s / /d/out
	FROM $BUSYBOX
	COPY tree /data/
	# a daemon that leaves its session and its parent, and would go on writing
	RUN setsid sh -c 'sleep $seconds; echo late >/late' >/dev/null 2>&1 & echo begun >/begun
	# content alone changes: size and time are set back
	RUN touch -r /data/one /tmp/time && echo ONE >/data/sub/deep/file.new && cat /data/sub/deep/file.new >/data/sub/deep/fil2 && rm /data/sub/deep/file.new /tmp/time
	RUN touch -r /data/sub/deep/file /tmp/time && printf 'DEEP\n' >/data/sub/deep/file && touch -r /tmp/time /data/sub/deep/file && rm /tmp/time
	# a directory of an earlier layer moves
	RUN mv /data/sub /moved && mkdir /data/sub && echo new >/data/sub/new
	# one more name for a file of an earlier layer
	RUN ln /moved/deep/file /moved/deep/second
	# what is there again after it was deleted, as something else
	RUN rm -rf /data/sub && echo file >/data/sub && rm /moved/link && mkdir /moved/link && echo x >/moved/link/x
	# holes, and more than a tar's block
	RUN truncate -s 9M /sparse && echo end >>/sparse
	# the shell that everything hangs on
	RUN cp /bin/busybox /bin/busybox.new && mv /bin/busybox.new /bin/busybox && echo ok >/shell
	RUN chmod 6755 /begun && chmod 1777 /moved/deep && umask >/umask
	# mounts, and nothing left of them
	RUN --mount=type=bind,target=/mnt/ctx cat /mnt/ctx/tree/one >/bind; touch /mnt/ctx/x; true
	RUN --mount=from=other,target=/mnt/rw,rw echo x >/mnt/rw/new && rm /mnt/rw/d/f && cat /mnt/rw/new >/rw
	RUN --mount=from=other,source=/d/out/d,target=/mnt/link cat /mnt/link/f >/link-seen
	RUN --mount=type=tmpfs,target=/mnt/tmp echo x >/mnt/tmp/x
	RUN --mount=type=cache,target=/var/cache/own echo x >>/var/cache/own/n && cat /var/cache/own/n >/cache1
	RUN --mount=type=cache,target=/var/cache/own echo x >>/var/cache/own/n && wc -l </var/cache/own/n >/cache2
	RUN --mount=type=secret,id=token wc -c </run/secrets/token >/secret
	RUN --mount=type=secret,id=token,env=TOKEN printf %s "\$TOKEN" | wc -c >/secret-env
	RUN <<EOF3
	#!/bin/sh
	echo "\$0" >/script
	EOF3
	RUN mkdir -p /empty/dir && env | sort >/env
	RUN test ! -e /late && test ! -e /mnt/ctx/tree && rm -rf /data /moved/deep
	EOF2
}

sandboxes_owners() {
	cat <<-EOF2
	FROM $BUSYBOX
	COPY --chown=1000:1001 tree /data/
	COPY --chmod=4755 set-user /bin/set-user
	RUN mkdir /d && chown 7:8 /d && echo x >/d/x && chown 9:10 /d/x && chown -h 11:12 /data/sub/link
	USER 1000:1001
	RUN id -u >/tmp/id && echo x >>/data/sub/deep/file && ! touch /d/y
	USER root
	# rights that a program has by its file; a change of owner takes them, a new name does not
	RUN mv /bin/set-user /bin/set-user2 && chown 0:0 /data/sub/deep/file
	RUN stat -c '%u:%g %a' /d /d/x /data/sub/deep/file /bin/set-user2 >/seen
	EOF2
}

# sandboxes_build FILE COMMAND...: the digest in $out; COMMAND ends where cbuild's arguments begin.
sandboxes_build() {
	local file=$1
	shift
	expect 0 "$@" --secret "id=token,src=$T/token" -f "$file" .
	! pgrep -f "^sleep $seconds\$" >/dev/null || fail 'a process of a RUN has outlived it'
}

# sandboxes_same HOW FILE COMMAND...: HOW is how the tool says what it has chosen.
sandboxes_same() {
	local how=$1 file=$2
	shift 2
	sandboxes_build "$file" cbuild --root "$T/reference"
	local want=$out
	sandboxes_build "$file" "$@"
	has "$err" "isolation: $how"
	equal "$out" "$want" 'the digest of namespaces of root'
}
