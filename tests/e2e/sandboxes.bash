# What breaks sandboxes, as images that each of them makes: setup_file calls sandboxes_prepare, which makes a context, its
# Dockerfiles, and with namespaces of root the images that are wanted; sandboxes_same makes them elsewhere.
#
#	plain	what can be had everywhere
#	owners	for those that have more ids than one
#	layers	on a base of a thousand layers
#
# (A file with several names that a RUN writes to is the one known difference: overlayfs gives the one name a
# copy, see oci/build/flat.h. So nothing here does that.)

sandboxes_prepare() {
	export SANDBOXES=$E2E_DIR/sandboxes-$BASHPID SOURCE_DATE_EPOCH=1700000000
	# a name for the daemon that no other process on this machine has
	export SECONDS_OF_DAEMON=$((100000 + RANDOM * 10))
	mkdir -p "$SANDBOXES/src/tree/sub/deep" "$SANDBOXES/want"
	cd "$SANDBOXES/src"
	echo one >tree/one
	ln tree/one tree/also
	echo deep >tree/sub/deep/file
	ln -s ../one tree/sub/link
	printf 'geh-eim-42' >../token
	sandboxes_programs
	sandboxes_base
	sandboxes_plain >plain
	sandboxes_owners >owners
	printf 'FROM base\nRUN ls / | grep -c ^f >/seen; cat /same /f999 >>/seen; rm /f0 /same\n' >layers
	sandboxes_network_file >network
	sandboxes_script >../builds
	chmod -R a+rX "$SANDBOXES"
	sh ../builds ../want 'plain owners layers' "$E2E_BIN/cbuild" --root "$SANDBOXES/root" || {
		tail -n 5 ../want/*.err
		return 1
	}
}

# What a test needs of it.
sandboxes_begin() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	all=(sh "$SANDBOXES/builds" "$SANDBOXES/built" 'plain owners layers')
	one_id=(sh "$SANDBOXES/builds" "$SANDBOXES/built" 'plain layers')
}

# One that says and changes the rights which it has by its file, as little of setcap and of id as is needed
# (cap_net_raw, permitted and effective); and one that needs the C library.
sandboxes_programs() {
	local file
	cat >../rights.c <<-'EOF2'
	#include <linux/capability.h>
	#include <stdio.h>
	#include <sys/syscall.h>
	#include <sys/xattr.h>
	#include <unistd.h>

	static int say(void)
	{
		struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
		struct __user_cap_data_struct have[2] = { { 0 } };

		syscall(SYS_capget, &head, have);
		return printf("%d %x\n", (int)geteuid(), have[0].effective) < 0;
	}

	int main(int argc, char **argv)
	{
		struct vfs_cap_data d = { VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, { { 1 << CAP_NET_RAW, 0 } } };
		char got[sizeof(d)];

		if (argc == 1)
			return say();
		if (argc == 2)	/* does it have them? */
			return getxattr(argv[1], "security.capability", got, sizeof(got)) != sizeof(d);
		return setxattr(argv[2], "security.capability", &d, sizeof(d), 0) < 0;
	}
	EOF2
	cc -static -o rights ../rights.c
	mkdir -p libs/bin
	printf '#include <stdio.h>\nint main(void) { return puts("linked") < 0; }\n' >../linked.c
	cc -o libs/bin/linked ../linked.c
	for file in $(ldd libs/bin/linked | grep -o '/[^ ]*'); do
		mkdir -p "libs$(dirname "$file")"
		cp -L "$file" "libs$file"
	done
	LIBC=$(cd libs && find . -name 'libc.*' | cut -c2-)
}

# A thousand layers on busybox's: files, one that each of them has, and every fifth is deleted again.
sandboxes_base() {
	local n
	for n in $(seq 999); do
		set -- "$@" -- "F f$n $n" "F same $n"
		[ $((n % 5)) -ne 0 ] || set -- "$@" "F .wh.f$((n - 1))"
	done
	"$BATS_TEST_DIRNAME/hostile.py" "$E2E_BUSYBOX_LAYOUT" ../base 'F f0 0' "$@"
}

# builds OUT FILES COMMAND...: all of them at the same time, with one --root, in one container. COMMAND ends where
# cbuild's other options begin; of each its digest is in OUT/FILE.out, and what it said in OUT/FILE.err.
sandboxes_script() {
	cat <<-EOF2
	out=\$1 files=\$2
	shift 2
	cd $SANDBOXES/src
	for file in \$files; do
		"\$@" --secret id=token,src=$SANDBOXES/token --build-context base=oci-layout://$SANDBOXES/base:1 \
			-f \$file . >"\$out/\$file.out" 2>"\$out/\$file.err" </dev/null &
		pids="\$pids \$!"
	done
	for pid in \$pids; do
		wait \$pid || exit
	done
	EOF2
}

# Each line is a story; a line that starts with a comment says which.
sandboxes_plain() {
	cat <<-EOF2
	FROM $E2E_BUSYBOX AS other
	RUN mkdir /d && echo 'of the stage' >/d/f && ln -s / /d/out
	FROM $E2E_BUSYBOX
	COPY tree /data/
	# a daemon that leaves its session and its parent, and would go on writing
	RUN setsid sh -c 'sleep $SECONDS_OF_DAEMON; echo late >/late' >/dev/null 2>&1 & echo begun >/begun
	# content alone changes: size and time are set back
	RUN touch -r /data/one /tmp/time && echo ONE >/data/sub/deep/file.new && cat /data/sub/deep/file.new >/data/sub/deep/fil2 && rm /data/sub/deep/file.new /tmp/time
	RUN touch -r /data/sub/deep/file /tmp/time && printf 'DEEP\n' >/data/sub/deep/file && touch -r /tmp/time /data/sub/deep/file && rm /tmp/time
	# a directory of an earlier layer moves
	RUN mv /data/sub /moved && mkdir /data/sub && echo new >/data/sub/new
	# one more name for a file of an earlier layer, and one less
	RUN ln /moved/deep/file /moved/deep/second && rm /data/also
	# directories change places
	RUN mkdir -p /swap/a/deep /swap/b && echo a >/swap/a/deep/f && echo b >/swap/b/f
	RUN cd /swap && mv a c && mv b a && mv c b
	# what is there again after it was deleted, as something else
	RUN rm -rf /data/sub && echo file >/data/sub && rm /moved/link && mkdir /moved/link && echo x >/moved/link/x
	# holes, and more than a tar's block
	RUN truncate -s 40M /sparse && echo end >>/sparse
	RUN test "\$(stat -c %b /sparse)" -lt 2000 && echo x >>/sparse
	# more than there is room for anywhere, and gone again
	RUN truncate -s 1024G /huge && echo end >>/huge && rm /huge
	# the shell that everything hangs on
	RUN cp /bin/busybox /bin/busybox.new && mv /bin/busybox.new /bin/busybox && echo ok >/shell
	# the C library that others hang on: another file, and then a broken one
	COPY libs /
	RUN linked && cp $LIBC /libc.new && mv /libc.new $LIBC && linked >/linked
	RUN linked && echo broken >$LIBC && ! linked 2>/dev/null
	RUN ! linked 2>/dev/null && rm -r ${LIBC%/*}
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
	# what is written to one without rw, where that is not refused, is seen by nobody else
	RUN --mount=from=other,target=/mnt/ro --mount=from=$E2E_BUSYBOX,target=/mnt/image --mount=target=/mnt/ctx for t in /mnt/ro/d /mnt/image/etc /mnt/ctx/tree; do echo lost >\$t/new; rm -rf \$t/f \$t/passwd \$t/one; done; true
	RUN --mount=from=other,target=/mnt/ro --mount=from=$E2E_BUSYBOX,target=/mnt/image --mount=target=/mnt/ctx cat /mnt/ro/d/f /mnt/image/etc/passwd /mnt/ctx/tree/one >/ro-seen && ! ls /mnt/*/*/new
	COPY --from=other /d/f /ro-copied
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

# The same, and each RUN of the last stage followed by one that walks the tree it has left (walks.py).
sandboxes_walked() {
	cat >walk <<-'EOF2'
	others() {
		find / \( -path /proc -o -path /sys -o -path /dev -o -path /walks -o -path /etc/hosts -o -path /etc/resolv.conf \) \
			-prune -o "$@"
	}
	others -exec stat -c '%f %i %u:%g %s %Y %N' {} +
	others -type f -size -2048 -exec sha256sum {} +
	EOF2
	awk '
		{ print }
		/^FROM/ && ++stage == 2 { print "COPY walk /walks/walk" }
		/<<EOF3$/ { inside = 1; next }
		stage == 2 && (inside ? /^EOF3$/ : /^RUN/) { printf "RUN sh /walks/walk >/walks/%d\n", ++nr }
		/^EOF3$/ { inside = 0 }' plain
}

sandboxes_owners() {
	cat <<-EOF2
	FROM $E2E_BUSYBOX
	COPY --chown=1000:1001 tree /data/
	COPY --chmod=4755 rights /bin/set-user
	RUN mkdir /d && chown 7:8 /d && echo x >/d/x && chown 9:10 /d/x && chown -h 11:12 /data/sub/link
	USER 1000:1001
	RUN id -u >/tmp/id && echo x >>/data/sub/deep/file && ! touch /d/y && set-user | grep '^0 '
	USER root
	# rights that a program has by its file; a change of owner takes them, a new name does not
	RUN mv /bin/set-user /bin/set-user2 && chown 0:0 /data/sub/deep/file
	COPY rights /bin/rights
	RUN cp /bin/rights /bin/able && rights set /bin/able && chmod 755 /bin/able && rights /bin/able
	# a new name keeps them, a copy has none
	RUN mv /bin/able /bin/able2 && cp /bin/able2 /bin/copy && rights /bin/able2 && ! rights /bin/copy
	USER 1000:1001
	RUN test "\$(able2)" = '1000 2000' && test "\$(copy)" = '1000 0' && set-user2 | grep '^0 '
	USER root
	RUN ! rights /bin/set-user2; rights /bin/able2 && chown 0:0 /bin/able2 && ! rights /bin/able2
	RUN rights set /bin/able2
	RUN stat -c '%u:%g %a' /d /d/x /data/sub/deep/file /bin/set-user2 >/seen
	EOF2
}

# RUN without a network, or the word that it cannot be had.
sandboxes_network_file() {
	printf 'FROM %s\nRUN --network=none test "$(grep -c : /proc/net/dev)" = 1 && ! wget -q -O- http://%s/v2/\n' \
		"$E2E_BUSYBOX" "$E2E_REGISTRY"
}

# sandboxes_same HOW COMMAND...: HOW is how the tool says what it has chosen; COMMAND is what makes the sandbox,
# and "${all[@]}" or "${one_id[@]}" in it, after which cbuild and its options come.
sandboxes_same() {
	local how=$1 file out
	shift
	rm -rf "$SANDBOXES/built"
	mkdir -m 1777 "$SANDBOXES/built"
	"$@" >"$T/stderr" 2>&1 </dev/null || fail "status $? of $*: $(tail -n 5 "$T/stderr" "$SANDBOXES"/built/*.err)"
	! pgrep -f "^sleep $SECONDS_OF_DAEMON\$" >/dev/null || fail 'a process of a RUN has outlived it'
	for file in "$SANDBOXES"/built/*.out; do
		file=$(basename "$file" .out)
		has "$(cat "$SANDBOXES/built/$file.err")" "isolation: $how"
		equal "$(cat "$SANDBOXES/built/$file.out")" "$(cat "$SANDBOXES/want/$file.out")" \
			"$file: the digest of namespaces of root"
	done
}

# sandboxes_network STATUS COMMAND...
sandboxes_network() {
	local status=$1
	shift
	cd "$SANDBOXES/src"
	expect "$status" "$@" -f network .
	[ "$status" -eq 0 ] || message cbuild network:2 --network=none
}
