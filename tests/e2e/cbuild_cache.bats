# What was carried out before is not carried out again; and what makes a step another one.

load helper

setup() {
	begin
	echo one >one
	echo two >two
	dockerfile <<-EOF2
	FROM $BUSYBOX
	WORKDIR /srv
	COPY one .
	RUN cat one >r1 && head -c 8 /dev/urandom >>r1
	COPY two .
	RUN cat two >r2 && head -c 8 /dev/urandom >>r2
	EOF2
}

build() {
	expect 0 cbuild -v --progress=plain "$@" .
}

# how many steps were found
cached() {
	grep -c ': CACHED$' <<<"$err" || :
}

@test "a build that has all in the cache gives the same image, runs, unpacks and fetches nothing" {
	build
	first=$out
	rm -r "$CBUILD_ROOT/cache/trees"
	# not even the layers of the base are there, and no RUN can be carried out
	for layer in $(blob "$CBUILD_ROOT/store" "$first" | jq -r '.layers[0].digest'); do
		rm "$CBUILD_ROOT/cache/blobs/blobs/sha256/${layer#sha256:}"
	done
	build --isolation=none
	equal "$out" "$first"
	equal "$(cached)" 5
	equal "$(ls "$CBUILD_ROOT/cache/trees")" ''
	build -o type=oci,dest="$T/x.tar"
	equal "$out" "$first"
}

@test "times of files and where the context lies make no difference" {
	build
	first=$out
	touch -d '2030-01-02' one two
	build
	equal "$out" "$first"
	cp -r . "$T/clone"
	cd "$T/clone"
	build
	equal "$out" "$first"
}

@test "a file that has changed is told, and what comes before it is found" {
	build
	echo changed >two
	build
	equal "$(cached)" 3
	has "$err" 'Dockerfile:5: COPY two .: not cached: content changed: two'
	has "$err" 'Dockerfile:6: RUN cat two >r2 && head -c 8 /dev/urandom >>r2: not cached: the step before was not cached'
	echo two >two
	build
	equal "$(cached)" 5
}

@test "a mode counts, an ignored file does not" {
	echo '*.log' >.dockerignore
	printf 'FROM scratch\nCOPY . /\n' >Dockerfile
	build
	first=$out
	echo noise >x.log
	build
	equal "$out" "$first"
	chmod +x one
	build
	has "$err" 'content changed: one'
}

@test "an ARG counts from where it is declared" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN echo before
	ARG V=1
	RUN echo after
	EOF2
	build
	build --build-arg V=2
	equal "$(cached)" 1
	has "$err" 'not cached: ENV V differs'
	build --build-arg V=1
	equal "$(cached)" 2
}

@test "proxies, secrets and what is in a cache mount do not count" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=type=secret,id=s --mount=type=cache,target=/c date >>/c/x
	EOF2
	echo a >s
	build --secret id=s,src=s
	echo b >s
	build --secret id=s,src=s --build-arg http_proxy=http://127.0.0.1:1
	equal "$(cached)" 1
	sed -i 's/id=s /id=t /' Dockerfile
	build --secret id=t,src=s
	equal "$(cached)" 0
}

@test "--no-cache carries out all, and what it made is found afterwards" {
	build
	first=$out
	build --no-cache
	equal "$(cached)" 0
	has "$err" 'not cached: --no-cache'
	[ "$out" != "$first" ] || fail 'nothing was carried out'
	second=$out
	build
	equal "$out" "$second"
	equal "$(cached)" 5
}

@test "--no-cache-filter carries out a stage, and what came of it is not mixed with what was there" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS make
	RUN head -c 8 /dev/urandom >/made
	FROM $BUSYBOX
	RUN head -c 8 /dev/urandom >/other
	COPY --from=make /made /
	EOF2
	build
	expect 0 cbuild -v --progress=plain --no-cache-filter make -o type=local,dest=out1 .
	equal "$(cached)" 1
	expect 0 cbuild -v --progress=plain -o type=local,dest=out2 .
	equal "$(cached)" 3
	cmp out1/made out2/made
}

@test "what one stage takes from another is found without either's files" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS make
	COPY one .
	RUN cp one /made
	FROM $BUSYBOX AS bound
	RUN --mount=type=bind,from=make,target=/m cp /m/made /bound
	FROM scratch
	COPY --from=make /made /
	COPY --from=bound /bound /
	EOF2
	build
	first=$out
	rm -r "$CBUILD_ROOT/cache/trees"
	build --isolation=none
	equal "$out" "$first"
	equal "$(cached)" 5
	# the source is built anew, but what is taken of it is as before
	echo '# other' >>Dockerfile
	sed -i 's/^RUN cp one/RUN true; cp one/' Dockerfile
	build
	has "$err" '[stage-2 2/3]: CACHED'
	echo other >one
	build
	has "$err" 'COPY --from=make /made /: not cached: content changed: made'
}

@test "the triggers of a base are found like any step" {
	printf 'FROM %s\nONBUILD RUN head -c 8 /dev/urandom >/onbuild\n' "$BUSYBOX" >Dockerfile
	build -t "$REPO"
	printf 'FROM %s\nRUN true\n' "$REPO" >Dockerfile
	build
	first=$out
	build
	equal "$out" "$first"
	equal "$(cached)" 2
}

@test "a step that fails does not take with it what was done before" {
	echo 'RUN exit 3' >>Dockerfile
	expect 1 cbuild .
	sed -i 's/exit 3/true/' Dockerfile
	build
	equal "$(cached)" 5
}

@test "an entry that is damaged, and a layer that is short or gone, are none" {
	build
	for f in "$CBUILD_ROOT"/cache/steps/*; do echo '{' >"$f"; done
	build
	equal "$(cached)" 0
	first=$out
	for f in "$CBUILD_ROOT"/cache/blobs/blobs/sha256/*; do
		rm "$f"
		echo short >"$f"
	done
	rm -r "$CBUILD_ROOT/store"
	build
	equal "$(cached)" 0
	[ "$out" != "$first" ] || fail 'nothing was carried out'
}

@test "a layer whose bytes are wrong is found out when it is read, and the step carried out" {
	export SOURCE_DATE_EPOCH=1700000000
	sed -i 's/&& head.*//' Dockerfile
	build
	first=$out
	layer=$(blob "$CBUILD_ROOT/store" "$first" | jq -r '.layers[-4].digest')
	file=$CBUILD_ROOT/cache/blobs/blobs/sha256/${layer#sha256:}
	size=$(stat -c %s "$file")
	rm -r "$CBUILD_ROOT/store" "$file"
	head -c "$size" /dev/zero >"$file"
	echo changed >two
	build
	has "$err" 'the build begins again without that layer'
	echo two >two
	build
	equal "$out" "$first"
}

@test "standard output gets one image, also when a layer of it proves to be damaged" {
	build
	layer=$(blob "$CBUILD_ROOT/store" "$out" | jq -r '.layers[-1].digest')
	file=$CBUILD_ROOT/cache/blobs/blobs/sha256/${layer#sha256:}
	size=$(stat -c %s "$file")
	rm -r "$CBUILD_ROOT/store" "$file"
	head -c "$size" /dev/zero >"$file"
	local got=0
	cbuild -o type=oci,dest=- -o type=local,dest="$T/files" . >"$T/tar" 2>"$T/stderr" || got=$?
	err=$(cat "$T/stderr")
	equal "$got" 1 "$err"
	has "$err" 'standard output has an image with that layer already'
	equal "$(tar -tf "$T/tar" | grep -cx index.json)" 1
}

@test "cold and warm builds of equal inputs have one digest" {
	export SOURCE_DATE_EPOCH=1700000000
	sed -i 's/&& head.*//' Dockerfile
	echo 'COPY . /all' >>Dockerfile
	build --root "$T/warm"
	echo changed >two
	touch one
	build --root "$T/warm"
	warm=$out
	[ "$(cached)" -gt 1 ] || fail 'nothing was found'
	build --root "$T/cold"
	equal "$out" "$warm"
}

@test "two builds at once on one root, and one that is killed" {
	export SOURCE_DATE_EPOCH=1700000000
	sed -i 's/&& head.*//' Dockerfile
	cbuild . >"$T/a" 2>"$T/a.err" 3>&- &
	a=$!
	cbuild . >"$T/b" 2>"$T/b.err" 3>&- &
	b=$!
	wait $a || fail "$(cat "$T/a.err")"
	wait $b || fail "$(cat "$T/b.err")"
	equal "$(cat "$T/a")" "$(cat "$T/b")"
	rm -r "$CBUILD_ROOT"
	for pause in 0.05 0.1 0.2 0.3; do
		cbuild . >/dev/null 2>&1 3>&- &
		pid=$!
		sleep $pause
		kill -9 $pid 2>/dev/null || :
		wait $pid 2>/dev/null || :
	done
	build
	equal "$out" "$(cat "$T/a")"
}

@test "--prune removes what was not used, and says how much" {
	build
	cp -r "$CBUILD_ROOT/store" "$T/store"
	expect 0 cbuild --prune=1h
	equal "$out" 'nothing to remove'
	find "$CBUILD_ROOT/cache" -type f -exec touch -d '2 hours ago' {} +
	# found, and so used
	printf 'FROM %s\nWORKDIR /srv\n' "$BUSYBOX" >Dockerfile
	build
	equal "$(cached)" 1
	expect 0 cbuild --prune=1h
	has "$out" 'removed '
	build
	equal "$(cached)" 1
	expect 0 cbuild --prune
	has "$out" ' bytes'
	equal "$(find "$CBUILD_ROOT/cache" -type f ! -path '*/blobs/oci-layout' ! -path '*/blobs/index.json' ! -name '*lock' | wc -l)" 0
	build
	equal "$(cached)" 0
	expect 2 cbuild --prune .
	message cbuild --prune CONTEXT
}

@test "--prune waits for a build that is under way" {
	printf 'FROM %s\nRUN echo begun && sleep 1\n' "$BUSYBOX" >Dockerfile
	cbuild --progress=plain . >"$T/b" 2>"$T/b.err" 3>&- &
	pid=$!
	until_true grep -q begun "$T/b.err"
	expect 0 cbuild --prune
	has "$err" 'waiting for builds that use the cache'
	wait $pid || fail "$(cat "$T/b.err")"
}

@test "--cache-size leaves so much, the newest" {
	dockerfile <<-EOF2
	FROM scratch
	COPY one /
	EOF2
	head -c 300000 /dev/urandom >one
	build -o type=cacheonly
	sleep 0.01
	head -c 300000 /dev/urandom >one
	build -o type=cacheonly --cache-size 450k
	has "$err" 'the cache was over its size'
	build -o type=cacheonly --cache-size 450k
	equal "$(cached)" 1
	expect 2 cbuild --cache-size many .
	message cbuild --cache-size many
}

@test "names of one file that a RUN opens and leaves as they are stay names of one file" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS make
	RUN mkdir /d && echo x >/d/a && ln /d/a /d/b && ln /d/a /d/c
	RUN : >>/d/a; : >>/d/b
	FROM scratch AS final
	COPY --from=make /d /d
	EOF2
	export SOURCE_DATE_EPOCH=1700000000
	build
	first=$out
	build --no-cache-filter final
	equal "$(cached)" 2
	equal "$out" "$first"
	expect 0 cbuild -o type=local,dest=files .
	equal "$(stat -c %h files/d/a)" 3
}
