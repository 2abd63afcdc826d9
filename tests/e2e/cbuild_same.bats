# The same input gives the same image: at another time, in another place, for another user.

load helper

setup() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	mkdir app
	echo one >app/one
	echo two >app/two
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY --chown=1000:1001 app /srv/app
	RUN mkdir -p /var/lib/x && date >/dev/null && chown 7:8 /var/lib/x && echo made >/var/lib/x/made
	USER app
	WORKDIR /srv/app
	RUN id -u >/tmp/id
	EOF2
}

@test "two builds with SOURCE_DATE_EPOCH have one digest" {
	expect 0 cbuild --root "$T/root1" .
	first=$out
	cp -r . "$T/copy"
	touch -d '2034-05-06' "$T"/copy/app/*
	expect 0 cbuild --root "$T/root2" "$T/copy"
	equal "$out" "$first"
}

@test "a user without rights builds the very image that root builds" {
	expect 0 cbuild .
	first=$out
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	expect 0 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" -t "$REPO" .
	equal "$out" "$first"
	# what the mapped ids own is only theirs to remove
	nothing_in_tmp "$T/user/root"
}

@test "a user's build removes what it unpacked, whoever owned it" {
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	printf 'FROM %s\nRUN mkdir /d && touch /d/f && chown -R 9:9 /d && chmod 0 /d\nRUN exit 3\n' "$BUSYBOX" >Dockerfile
	expect 1 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" .
	message cbuild Dockerfile:3 3
	nothing_in_tmp "$T/user/root"
}

# -- everything at once ---------------------------------------------------------
# A context with all that could carry an order or a time into an image, its files made in the order
# given: FOLDER WORD...
all_of_it() {
	local dir=$1 name
	shift
	mkdir -p "$dir/tree"
	for name in "$@"; do
		mkdir -p "$dir/tree/$name"
		echo "$name" >"$dir/tree/$name/file"
		ln "$dir/tree/$name/file" "$dir/tree/$name.hard"
		ln -s "$name/file" "$dir/tree/$name.link"
	done
	# the archive is one file for all; only its own name is made anew
	if [ ! -e "$T/data.tar" ]; then
		mkdir "$T/data"
		echo archived >"$T/data/in-archive"
		tar -C "$T/data" --mtime='2035-01-01 UTC' -cf "$T/data.tar" in-archive
	fi
	cp "$T/data.tar" "$dir/data.tar"
	dockerfile "$dir/Dockerfile" <<-EOF2
	FROM $BUSYBOX AS make
	WORKDIR /work/here
	COPY tree/ ./
	RUN for n in zoo m aa; do mkdir \$n && echo \$n >\$n/made && ln \$n/made \$n.again; done; rm -r /www; date >/dev/null
	RUN <<EOF
	mkdir /script
	echo script >/script/file
	EOF
	FROM $BUSYBOX AS side
	RUN touch /side && chown 5:6 /side
	FROM $BUSYBOX
	ARG ONE=1
	ENV TWO=2
	ADD data.tar /data/
	COPY --from=make /work /work
	COPY --from=make --chown=app /script /script
	COPY --from=side /side /deep/er/side
	COPY <<EOF /etc/inline
	inline \$ONE
	EOF
	COPY --chmod=640 tree /copied
	WORKDIR /late
	USER app
	RUN echo "\$ONE \$TWO" >/tmp/run && ln /tmp/run /tmp/run2
	HEALTHCHECK CMD true
	LABEL b=2 a=1
	EOF2
}

# same ROOT-FOLDER COMMAND...: builds the present folder with an empty root, and compares.
same() {
	local root=$1
	shift
	expect 0 "$@" --root "$root" .
	equal "$out" "$first" "$*"
}

the_first() {
	all_of_it "$T/first" a b c zeta 10 9
	cd "$T/first"
	expect 0 cbuild --root "$T/root-first" .
	first=$out
}

@test "no order of directories is in an image, nor another file system's" {
	the_first
	all_of_it "$T/second" 9 10 zeta c b a
	cd "$T/second"
	same "$T/root2" cbuild
	mkdir "$T/memory"
	mount -t tmpfs tmpfs "$T/memory"
	all_of_it "$T/memory/third" zeta 9 a 10 c b
	cd "$T/memory/third"
	got=0
	same "$T/memory/root" cbuild || got=$?
	cd "$T"
	umount "$T/memory"
	return "$got"
}

@test "nor the umask, the zone, the language or the number of workers" {
	the_first
	umask 077
	same "$T/root2" cbuild
	umask 000
	same "$T/root3" cbuild --jobs 1
	umask 022
	same "$T/root4" env TZ=Asia/Jakarta LC_ALL=C.UTF-8 LANG=de_DE cbuild --jobs 9
}

@test "nor who builds, nor what was unpacked or built before" {
	the_first
	same "$T/root-first" cbuild
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	same "$T/user/root" as_user env HOME="$T/user" SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$T/bin/cbuild"
}

@test "nor when it was checked out and built" {
	the_first
	all_of_it "$T/second" a b c zeta 10 9
	find "$T/second" -exec touch -h -d '2036-07-08 09:10:11.123456789' {} +
	cd "$T/second"
	same "$T/root2" cbuild
	# another epoch is another image
	expect 0 cbuild --root "$T/root2" --source-date-epoch 1700000001 .
	[ "$out" != "$first" ] || fail 'the epoch makes no difference'
}

@test "a build without RUN is the same, too, where nothing may be mounted" {
	printf 'FROM %s\nWORKDIR /w\nCOPY --chown=app app sub/\nADD app/one /x/\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild --root "$T/root1" .
	first=$out
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	# no range of ids, no namespaces: a user like any other
	same "$T/user/root" setpriv --reuid 4242 --regid 4242 --clear-groups env HOME="$T/user" "$T/bin/cbuild"
}
