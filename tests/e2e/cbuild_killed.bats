# Whole builds ended by SIGKILL at any moment, 200 of them (kill_loop): the next one works, its image
# is the right one, and nothing is left: no file of a killed build, no damaged blob, no half-known step.

load helper
load job

setup_file() {
	job_tree
}

setup() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	SEED=${KILL_SEED:-$RANDOM}
	echo "seed $SEED (KILL_SEED of the environment)"
	small_context 30 sh cat seq mkdir ln test rm cp
	killed_dockerfile scratch >Dockerfile
}

# A stage that depends on N, and one that is carried out anew with it, but is always the same.
killed_dockerfile() {
	cat <<-EOF2
	FROM $1 AS base
	COPY base /
	RUN mkdir /www
	FROM base AS one
	ARG N
	RUN echo \$N >/n && mkdir /out && seq 1 5000 >/out/a && ln /out/a /out/b
	COPY files /files
	FROM base
	COPY --from=one /out /out
	RUN --mount=from=one,target=/m test -s /m/n && cat /out/* >/c && rm -r /www
	COPY --from=one /files /opt/files
	RUN --mount=from=one,target=/m rm -r /out /opt/files/1 && cp /c /opt/c
	EOF2
}

# kills COUNT SEED COMMAND...: into $T/killed-SEED, with the last line, the digest, in $want.
kills() {
	CONTEXT=. LOG=$T/log-$2 "$BATS_TEST_DIRNAME/kill_loop" "$@" >"$T/killed-$2" 2>&1 3>&- </dev/null ||
		fail "$(cat "$T/killed-$2")"
	want=$(tail -n 1 "$T/killed-$2")
}

# Ends what runs in the background in a test that failed.
teardown() {
	[ -z "${other-}" ] || {
		pkill -P "$other" || :
		wait "$other" || :
	}
}

# sound ROOT OPTION...: what is below ROOT is whole, and knows what it should.
sound() {
	local root=$1 dir name
	shift
	nothing_in_tmp "$root"
	for dir in "$root/store" "$root/cache/blobs"; do
		[ ! -e "$dir" ] || layout_is_whole "$dir"
	done
	for name in trees toc steps mounts; do
		[ -z "$(find "$root/cache/$name" -maxdepth 1 -name '.gone-*' 2>/dev/null)" ] || fail "left in $name"
	done
	expect 0 cbuild --root "$root" -q --no-cache --build-arg N=last "$@" .
	equal "$out" "$want" 'without the cache'
	expect 0 cbuild --root "$root" --progress plain --build-arg N=last "$@" .
	equal "$out" "$want" 'with the cache'
	equal "$(grep -c ': CACHED$' <<<"$err")" 8 'cached steps'
	expect 0 cbuild --root "$T/clean" -q --build-arg N=last .
	equal "$out" "$want" 'in a new root'
}

# Every blob has the digest that is its name, and no file is there that is none.
layout_is_whole() {
	local dir=$1 blob
	for blob in "$dir"/blobs/sha256/*; do
		[ -e "$blob" ] || continue
		equal "$(sha256sum <"$blob" | cut -d' ' -f1)" "$(basename "$blob")" "$blob"
	done
	equal "$(find "$dir" -type f ! -path '*/blobs/sha256/*' ! -name '.*.lock' | sed 's,.*/,,' | sort | tr '\n' ' ')" \
		'index.json oci-layout ' "files in $dir"
}

@test "namespaces with a cache in a directory, and one directory changed in place" {
	kills 46 "$SEED.1" cbuild --root "$T/flat" --isolation chroot -o "type=oci,dest=$T/out.tar" &
	other=$!
	kills 58 "$SEED" cbuild --root "$T/ns" --isolation ns -t "$REPO" \
		--cache-to "type=local,dest=$T/cache,mode=max" --cache-from "type=local,src=$T/cache"
	sound "$T/ns" --isolation ns
	layout_is_whole "$T/cache"
	# that cache is all that a new root needs
	expect 0 cbuild --root "$T/ns" -q --build-arg N=last --cache-to "type=local,dest=$T/cache,mode=max" .
	expect 0 cbuild --root "$T/new" --progress plain --build-arg N=last --cache-from "type=local,src=$T/cache" .
	equal "$out" "$want"
	equal "$(grep -c ': CACHED$' <<<"$err")" 8 'cached steps'
	wait "$other" || fail "$(cat "$T/killed-$SEED.1")"
	other=
	sound "$T/flat" --isolation chroot
	equal "$(ls "$T" | grep -c 'out\.tar')" 1 'archives'
}

@test "in place in a container, and pushed to a registry with a cache there" {
	killed_dockerfile "$BUSYBOX" | sed 's,RUN mkdir /www,RUN rm /bin/yes,' >pushed
	kills 40 "$SEED.1" cbuild -f pushed --push -t "$REPO:1" \
		--cache-to "type=registry,ref=$REPO:cache,mode=max" --cache-from "$REPO:cache" &
	other=$!
	container_files "$T/container"
	cp -r . "$T/builds/app"
	cp "$BATS_TEST_DIRNAME/kill_loop" "$T/builds"
	expect 0 container_without_engine "$T/container" "
		set -e
		export CONTEXT=. LOG=/builds/log SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH
		cd /builds/app
		$LIST
		list >/builds/before
		/builds/kill_loop 56 $SEED /cbuild/bin/cbuild --root /cbuild/state >/builds/want
		list >/builds/after
		find /cbuild/inplace -mindepth 1 ! -name trees ! -name covered"
	equal "$out" '' 'left of RUNs in place'
	want=$(cat "$T/builds/want")
	expect 0 diff "$T/builds/before" "$T/builds/after"
	sound "$T/container/cbuild/state"
	wait "$other" || fail "$(cat "$T/killed-$SEED.1")"
	other=
	want=$(tail -n 1 "$T/killed-$SEED.1")
	mv pushed Dockerfile
	equal "$(remote_digest "$REPO:1")" "$want"
	expect 0 skopeo copy -q --src-tls-verify=false "docker://$REPO:1" "dir:$T/copied"
	sound "$CBUILD_ROOT"
	expect 0 cbuild --root "$T/new" -q --build-arg N=last --cache-from "$REPO:cache" .
	equal "$out" "$want"
}
