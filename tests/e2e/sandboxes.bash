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
	sandboxes_setcap
	sandboxes_plain >plain
	sandboxes_owners >owners
	chmod -R a+rX .
}

# setcap of libcap2-bin, as little of it as is needed: cap_net_raw, permitted and effective.
sandboxes_setcap() {
	cat >"$T/setcap.c" <<-'EOF2'
	#include <linux/capability.h>
	#include <sys/xattr.h>

	int main(int argc, char **argv)
	{
		struct vfs_cap_data d = { VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, { { 1 << CAP_NET_RAW, 0 } } };
		char got[sizeof(d)];

		if (argc == 2)	/* does it have them? */
			return getxattr(argv[1], "security.capability", got, sizeof(got)) != sizeof(d);
		return setxattr(argv[2], "security.capability", &d, sizeof(d), 0) < 0;
	}
	EOF2
	cc -static -o setcap "$T/setcap.c"
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
	RUN truncate -s 40M /sparse && echo end >>/sparse
	RUN test "\$(stat -c %b /sparse)" -lt 2000 && echo x >>/sparse
	# more than there is room for anywhere, and gone again
	RUN truncate -s 1024G /huge && echo end >>/huge && rm /huge
	# the shell that everything hangs on
	RUN cp /bin/busybox /bin/busybox.new && mv /bin/busybox.new /bin/busybox && echo ok >/shell
	RUN chmod 6755 /begun && chmod 1777 /moved/deep && umask >/umask
	# a directory beside which the job may have something of its own (cbuild_inplace.bats)
	RUN mkdir -p /opt && echo x >/opt/file
	RUN chmod 711 /opt && mv /opt/file /opt/second
	# what programs look for first; something of the RUN's own stays there while it runs
	RUN rm -rf /etc; test ! -e /etc/passwd && mkdir -p /etc && echo new >/etc/new
	RUN test ! -e /etc/passwd && rm /etc/new && echo root:x:0:0:root:/:/bin/sh >/etc/passwd
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
	COPY setcap /bin/setcap
	RUN cp /bin/busybox /bin/able && setcap set /bin/able && chmod 755 /bin/able && setcap /bin/able
	# a new name keeps them, a copy has none
	RUN mv /bin/able /bin/able2 && cp /bin/able2 /bin/copy && setcap /bin/able2 && ! setcap /bin/copy
	RUN ! setcap /bin/set-user2; setcap /bin/able2 && chown 0:0 /bin/able2 && ! setcap /bin/able2
	RUN setcap set /bin/able2
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

# sandboxes_network STATUS COMMAND...: RUN without a network, or the word that it cannot be had.
sandboxes_network() {
	local status=$1
	shift
	printf 'FROM %s\nRUN --network=none test "$(grep -c : /proc/net/dev)" = 1 && ! wget -q -O- http://%s/v2/\n' \
		"$BUSYBOX" "$E2E_REGISTRY" >network
	expect "$status" "$@" -f network .
	[ "$status" -eq 0 ] || message cbuild network:2 --network=none
}
