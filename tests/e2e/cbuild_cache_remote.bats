# Caches that other machines read: each build here has a --root of its own, as a fresh CI job has.

load helper

setup() {
	begin
	REGISTRY_LOG=$E2E_DIR/registry
	mkdir -p app
	echo one >app/a
	echo two >app/b
	dockerfile <<-EOF2
	FROM $BUSYBOX AS builder
	RUN cat /proc/sys/kernel/random/uuid >/built
	RUN cp /built /tool
	FROM $BUSYBOX
	RUN cat /proc/sys/kernel/random/uuid >/first
	COPY app /srv/app
	COPY --from=builder /tool /srv/tool
	RUN cp /first /last
	CMD ["cat", "/last"]
	EOF2
}

teardown() {
	[ ! -d "$T/registry" ] || "$E2E_SERVERS/registry" stop "$T/registry"
}

# build NAME ARGUMENTS...: as machine NAME.
build() {
	local root=$T/$1
	shift
	expect 0 cbuild --root "$root" --progress plain "$@" .
}

# forget_log; requests_since METHOD PATH
forget_log() {
	wc -l <"$REGISTRY_LOG/log" >"$T/seen"
}

requests_since() {
	local n
	n=$(tail -n "+$(($(cat "$T/seen") + 1))" "$REGISTRY_LOG/log" |
		grep -cE "^127\.0\.0\.1 .*\"$1 $2") || :
	echo "${n:-0}"
}

# Each RUN that is executed makes another file, so equal digests say the same.
nothing_ran() {
	equal "$(grep -c ': CACHED$' <<<"$err")" 6 'cached steps'
	has_no "$err" 'is not used'
}

@test "what one machine built another finds in a registry, and executes nothing" {
	build one --cache-to "type=registry,ref=$REPO:cache,mode=max" -t "$REPO:1" --push
	first=$out
	forget_log
	build two --cache-from "$REPO:cache" -t "$REPO:2" --push
	equal "$out" "$first"
	nothing_ran
	equal "$(requests_since GET "/v2/$NAME/manifests/cache")" 1 'look-ups'
	equal "$(requests_since GET "/v2/.*/blobs/" | head -n 1)" 1 "only the base's configuration"
	equal "$(requests_since '(PUT|PATCH)' "/v2/.*/blobs/uploads")" 0 'blobs sent'
	# and from there it goes into a third's store, whole
	build three --cache-from "$REPO:cache" -t "$REPO:3"
	equal "$out" "$first"
	expect 0 skopeo copy -q "oci:$T/three/store:$REPO:3" "dir:$T/copied"
}

@test "layers of a cache in another repository are mounted into the image's" {
	build one --cache-to "type=registry,ref=$REPO/cache:x,mode=max"
	first=$out
	forget_log
	build two --cache-from "type=registry,ref=$REPO/cache:x" -t "$REPO/app:1" --push
	equal "$out" "$first"
	equal "$(requests_since GET "/v2/$NAME/cache/blobs/")" 0 'blobs fetched'
	equal "$(remote_digest "$REPO/app:1")" "$first"
	# the cache of a build that found all of it is the same cache
	forget_log
	build three --cache-from "$REPO/cache:x" --cache-to "type=registry,ref=$REPO/cache:x,mode=max" -o type=cacheonly
	equal "$(requests_since PUT "/v2/$NAME/cache/manifests/")" 0 'manifests put'
	equal "$(requests_since GET "/v2/$NAME/cache/blobs/")" 0 'blobs fetched'
}

@test "with mode=min the builder's steps are not in the cache, with mode=max they are" {
	build one --cache-to "type=registry,ref=$REPO:min,mode=min" \
		--cache-to "type=registry,ref=$REPO:max,mode=max" -o type=cacheonly
	equal "$(skopeo inspect --tls-verify=false --raw "docker://$REPO:min" | jq '.layers | length')" 4
	equal "$(skopeo inspect --tls-verify=false --raw "docker://$REPO:max" | jq '.layers | length')" 6
	echo three >app/b
	build two --cache-from "$REPO:max" -o type=cacheonly
	has "$err" '[builder 3/3]: CACHED'
	has_no "$err" '[stage-1 3/5]: CACHED'
	# what does not need the builder's files does not need its steps
	build three --cache-from "$REPO:min" -o type=cacheonly
	has_no "$err" '[builder 3/3]: CACHED'
	has "$err" '[stage-1 2/5]: CACHED'
}

@test "a cache is an image to every other tool" {
	build one --cache-to "type=registry,ref=$REPO:cache,mode=max" -o type=cacheonly
	expect 0 skopeo inspect --tls-verify=false "docker://$REPO:cache"
	expect 0 skopeo copy -q --src-tls-verify=false "docker://$REPO:cache" "oci:$T/copied:1"
	expect 0 skopeo copy -q --dest-tls-verify=false "oci:$T/copied:1" "docker://$REPO/elsewhere:1"
	build two --cache-from "$REPO/elsewhere:1" -o type=cacheonly
	nothing_ran
	equal "$(skopeo inspect --raw "oci:$T/copied:1" | jq -r .config.mediaType)" \
		application/vnd.oci.image.config.v1+json
}

@test "a directory that a pipeline keeps: written, found, and rid of what is old" {
	build one --cache-to "type=local,dest=$T/kept,mode=max"
	first=$out
	build two --cache-from "type=local,src=$T/kept"
	equal "$out" "$first"
	nothing_ran
	before=$(find "$T/kept/blobs" -type f | wc -l)
	echo changed >app/a
	build three --cache-from "type=local,src=$T/kept" --cache-to "type=local,dest=$T/kept,mode=max"
	second=$out
	[ "$second" != "$first" ]
	equal "$(find "$T/kept/blobs" -type f | wc -l)" "$before" 'blobs: what was replaced is gone'
	equal "$(jq '.manifests | length' "$T/kept/index.json")" 1
	expect 0 skopeo copy -q "oci:$T/kept:latest" "dir:$T/copied"
	build four --cache-from "type=local,src=$T/kept"
	equal "$out" "$second"
}

@test "an inline cache is in the image, and --cache-from IMAGE finds it" {
	# the builder's steps are not in it: they are carried out again, and must come to the same
	sed -i 's|cat /proc.* >/built|echo built >/built|' Dockerfile
	build one --cache-to type=inline -t "$REPO:app" --push
	first=$(skopeo inspect --tls-verify=false --raw "docker://$REPO:app" | jq -c '[.config.digest, .layers[].digest]')
	build two --cache-from "$REPO:app" --cache-to type=inline -t "$REPO:again" --push
	equal "$(skopeo inspect --tls-verify=false --raw "docker://$REPO:again" |
		jq -c '[.config.digest, .layers[].digest]')" "$first"
	expect 0 cbuild --root "$T/three" --build-arg BUILDKIT_INLINE_CACHE=1 --cache-from "$REPO:app" .
	equal "$(blob "$T/three/store" "$out" | jq -c '[.config.digest, .layers[].digest]')" "$first"
	equal "$(blob "$T/three/store" "$out" | jq '[.layers[] | select(.annotations)] | length')" 4
	expect 2 cbuild --cache-to type=inline -o type=tar,dest="$T/x.tar" .
	message cbuild 'type=inline'
}

@test "several caches are asked in order, and one that is not there is a warning" {
	build one --cache-to "type=registry,ref=$REPO:main,mode=max" -o type=cacheonly
	build two --cache-from "$REPO:branch" --cache-from "type=local,src=$T/none" --cache-from "$REPO:main" \
		-o type=cacheonly
	equal "$(grep -c 'going on without it' <<<"$err")" 2
	has "$err" "cache from '$REPO:branch': not there"
	nothing_ran
}

@test "what is not the layer that the cache promises is not used, and its step is carried out" {
	build one --cache-to "type=local,dest=$T/kept,mode=max" -o type=cacheonly
	# every layer is damaged in its middle
	for blob in $(blob "$T/kept" "$(jq -r '.manifests[0].digest' "$T/kept/index.json")" | jq -r '.layers[].digest'); do
		printf X | dd of="$T/kept/blobs/${blob/://}" bs=1 seek=20 conv=notrunc status=none
	done
	build two --cache-from "type=local,src=$T/kept" -t "$REPO:2"
	has "$err" 'is not used'
	has "$err" 'the build begins again'
	expect 0 skopeo copy -q "oci:$T/two/store:$REPO:2" "dir:$T/copied"
}

@test "a layer that is another than the cache says is not used, however late that shows" {
	build one --cache-to "type=local,dest=$T/kept,mode=max" -o type=cacheonly
	digest=$(jq -r '.manifests[0].digest' "$T/kept/index.json")
	blob "$T/kept" "$digest" | jq -c '.layers[].annotations["io.cbuild.cache.diff-id"] = "sha256:" + "0" * 64' >"$T/forged"
	forged=$(sha256sum <"$T/forged" | cut -d' ' -f1)
	cp "$T/forged" "$T/kept/blobs/sha256/$forged"
	jq -c --arg d "sha256:$forged" --argjson n "$(stat -c %s "$T/forged")" \
		'.manifests[0] += {digest: $d, size: $n}' "$T/kept/index.json" >"$T/index"
	cp "$T/index" "$T/kept/index.json"
	# its second step needs the files of the first
	build two --cache-from "type=local,src=$T/kept" -t "$REPO:2"
	has "$err" 'is not used'
	has "$err" 'the build begins again'
	expect 0 skopeo copy -q "oci:$T/two/store:$REPO:2" "docker-archive:$T/two.tar:x:1"
}

@test "a garbage manifest and a registry that refuses are no reason to fail" {
	build one --cache-to "type=local,dest=$T/kept,mode=max" -o type=cacheonly
	cp -r "$T/kept" "$T/garbage"
	printf '{' >"$T/garbage/index.json"
	build two --cache-from "type=local,src=$T/garbage" -o type=cacheonly
	equal "$(grep -c 'going on without it' <<<"$err")" 1
	htpasswd -Bbn -C 5 anna geheim-1 >"$T/passwords"
	registry=$("$E2E_SERVERS/registry" start "$T/registry" htpasswd "$T/passwords")
	build three --cache-from "$registry/x:1" -o type=cacheonly
	has "$err" "cache from '$registry/x:1': cannot be read"
	expect 3 cbuild --root "$T/four" --cache-to "type=registry,ref=$registry/x:1" -o type=cacheonly .
	message cbuild "cache to '$registry/x:1'"
	build five --cache-to "type=registry,ref=$registry/x:1,ignore-error=true" -o type=cacheonly
	has "$err" "cache to '$registry/x:1'"
}

@test "kaniko's names: --cache and --cache-repo" {
	expect 0 cbuild --root "$T/one" --context . --destination "$REPO/app:1" --cache=true --cache-repo "$REPO/kept"
	first=$out
	expect 0 cbuild --root "$T/two" --context . --destination "$REPO/app:2" --cache=true --cache-repo "$REPO/kept"
	equal "$out" "$first"
	expect 0 cbuild --root "$T/three" --context . --destination "$REPO/app:3" --cache --cache-ttl 24h
	expect 0 skopeo inspect --tls-verify=false "docker://$REPO/app/cache:buildcache"
	expect 0 cbuild --root "$T/four" --context . --destination "$REPO/app:4" --cache --no-push --progress plain
	nothing_ran
	expect 2 cbuild --cache=true .
	message cbuild '--cache-repo'
}

@test "what one cache has goes into another, by a machine that built nothing" {
	build one --cache-to "type=local,dest=$T/a,mode=max" --cache-to "type=registry,ref=$REPO:a,mode=max" -o type=cacheonly
	build two --cache-from "$REPO:a" --cache-to "type=local,dest=$T/b,mode=max" -o type=cacheonly
	nothing_ran
	build three --cache-from "type=local,src=$T/a" --cache-to "type=registry,ref=$REPO/b:b,mode=max" -o type=cacheonly
	nothing_ran
	# each is all that a fourth needs: what it came from is no more
	rm -r "$T/a"
	build four --cache-from "type=local,src=$T/b" -t "$REPO:4"
	nothing_ran
	first=$out
	expect 0 skopeo copy -q "oci:$T/four/store:$REPO:4" "docker-archive:$T/four.tar:x:1"
	build five --cache-from "$REPO/b:b" -t "$REPO:5"
	nothing_ran
	equal "$out" "$first"
}

@test "a diff id that a cache in a registry has forged is in no image and in no other cache" {
	build one --cache-to "type=local,dest=$T/kept,mode=max"
	first=$out
	expect 0 skopeo copy -q "oci:$T/kept:latest" "dir:$T/forged"
	# of the last layer, whose files no step reads
	jq -c '.layers[-1].annotations["io.cbuild.cache.diff-id"] = "sha256:" + "0" * 64' "$T/forged/manifest.json" >"$T/manifest"
	cp "$T/manifest" "$T/forged/manifest.json"
	expect 0 skopeo copy -q --dest-tls-verify=false "dir:$T/forged" "docker://$REPO:cache"
	build two --cache-from "$REPO:cache" --cache-to "type=registry,ref=$REPO:next,mode=max" -t "$REPO:2"
	# what the registry serves as the layer is what the image says
	expect 0 skopeo copy -q "oci:$T/two/store:$REPO:2" "docker-archive:$T/two.tar:x:1"
	has_no "$(skopeo inspect --tls-verify=false --raw "docker://$REPO:next")" "$(printf '0%.0s' {1..64})"
	build two -t "$REPO:again"
	expect 0 skopeo copy -q "oci:$T/two/store:$REPO:again" "docker-archive:$T/again.tar:x:1"
}
