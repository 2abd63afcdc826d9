# COPY and WORKDIR need no file system: what they make is put together from lists, by anybody.

load helper

setup() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	mkdir -p app/lib
	echo one >app/one
	echo two >app/lib/two
	ln -s lib/two app/link
	ln app/one app/lib/uno
}

# COMMAND as somebody who is no root, and where the kernel makes no namespaces for them: what is below
# chroot has none.
without_namespaces() {
	mkdir -p "$T/rootfs"
	unshare --mount sh -c 'mount -n --rbind / "$0" && exec chroot --userspec=4242:4242 "$0" "$@"' \
		"$T/rootfs" "$@"
}

nobody_builds() {
	mkdir -p "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	without_namespaces env HOME="$T/user" SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH "$T/bin/cbuild" \
		--root "$T/user/root" "$@" "$T/src"
}

@test "who may make no namespaces builds the very image that root builds" {
	dockerfile <<-EOF2
	FROM scratch AS files
	COPY --chown=1000:1001 app /srv/app
	WORKDIR /srv/work
	FROM files
	COPY --from=files --chmod=u=rwX,go= /srv/app /copy/
	COPY --link <<END /etc/motd
	made for \$HOME
	END
	CMD ["/x"]
	EOF2
	expect 0 cbuild .
	first=$out
	expect 0 nobody_builds
	equal "$out" "$first"
	nothing_in_tmp "$T/user/root"
}

@test "RUN is what cannot be had there, and says so" {
	printf 'FROM scratch\nCOPY app /\nRUN ["/x"]\n' >Dockerfile
	expect 7 nobody_builds
	message cbuild Dockerfile:3
}

@test "a RUN finds what was listed before it, and what comes after finds the RUN's" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY app /srv/app
	COPY --link --chown=7:8 app/one /srv/app/
	RUN ln -s app/lib /srv/lib && rm /srv/app/lib/uno && stat -c '%u:%g %a' /srv/app/one >/srv/stat
	COPY app/lib/two /srv/lib/three
	RUN cat /srv/app/lib/three /srv/stat >/srv/all
	EOF2
	expect 0 cbuild .
	unpack "$CBUILD_ROOT/store" "$T/tree" "$out"
	equal "$(cat "$T/tree/srv/all")" $'two\n7:8 644'
	[ -L "$T/tree/srv/lib" ] || fail 'the link was replaced'
}

@test "a missing source names the context, the rule and the nearest name" {
	printf '*.md\n' >.dockerignore
	echo x >notes.md
	printf 'FROM scratch\nCOPY app/on /\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 "'app/on' is not in the context '.'" 'did you mean app/one?'
	printf 'FROM scratch\nCOPY notes.md /\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 '.dockerignore:1 "*.md"'
}

@test "files come out of an image that nobody unpacked by hand" {
	printf 'FROM scratch\nCOPY --from=%s /bin/busybox /bin/\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	equal "$(last_layer "$CBUILD_ROOT/store" "$out")" $'bin/\nbin/busybox'
}

@test "many layers and stages need more descriptors than programs usually have" {
	{
		echo "FROM $BUSYBOX AS all"
		for n in $(seq 12); do echo "RUN echo $n >/n$n"; done
		for n in $(seq 4); do printf 'FROM all AS s%s\nCOPY --from=all /n1 /x/%s\nRUN ulimit -n >/limit\n' "$n" "$n"; done
		printf 'FROM scratch\nCOPY --from=s1 /x /limit /x/\n'
		for n in 2 3 4; do echo "COPY --from=s$n /x /x/"; done
	} >Dockerfile
	expect 0 sh -c 'ulimit -S -n 64 && exec cbuild .'
	unpack "$CBUILD_ROOT/store" "$T/tree" "$out"
	equal "$(cd "$T/tree/x" && echo *)" '1 2 3 4 limit'
	equal "$(cat "$T/tree/x/limit")" 64
}
