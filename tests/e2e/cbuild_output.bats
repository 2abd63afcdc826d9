# Every kind of output, read by the program it is for.

load helper

setup() {
	begin
	echo hello >greeting
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY --chown=1000:1001 greeting /srv/greeting
	CMD ["cat", "/srv/greeting"]
	EOF2
}

teardown() {
	[ ! -d "$T/registry" ] || "$E2E_SERVERS/registry" stop "$T/registry"
}

with_passwords() {
	htpasswd -Bbn -C 5 anna geheim-1 >"$T/passwords"
	registry=$("$E2E_SERVERS/registry" start "$T/registry" htpasswd "$T/passwords")
}

login() {
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf '%s' "$1:$2" | base64 -w0)" \
		>"$HOME/.docker/config.json"
}

@test "docker loads a type=docker archive, shows its names and runs it" {
	expect 0 cbuild -t "$NAME:1" -t "$REPO:2" --iidfile "$T/id" -o "type=docker,dest=$T/image.tar" .
	equal "$(skopeo inspect --format '{{.Os}}' "docker-archive:$T/image.tar:$NAME:1")" linux
	expect 0 engine load -i "$T/image.tar"
	expect 0 engine image inspect --format '{{.Id}} {{json .RepoTags}}' "$NAME:1"
	equal "$out" "$(cat "$T/id") [\"$REPO:2\",\"$NAME:1\"]"
	expect 0 engine run --rm "$NAME:1"
	equal "$out" hello
	engine image rm "$NAME:1" "$REPO:2" >/dev/null
}

@test "the archive for docker goes through a pipe, and the digest into a file" {
	cbuild -t "$NAME:1" --digest-file "$T/digest" -o type=docker,dest=- . 2>"$T/stderr" |
		engine load >"$T/loaded"
	has "$(cat "$T/loaded")" "Loaded image: $NAME:1"
	[[ $(cat "$T/digest") =~ ^sha256:[0-9a-f]{64}$ ]]
	engine image rm "$NAME:1" >/dev/null
}

@test "the archive for docker is an OCI layout, too, and holds nothing twice" {
	expect 0 cbuild -t "$NAME:1" -o "type=docker,dest=$T/image.tar" .
	mkdir "$T/tree"
	tar -C "$T/tree" -xf "$T/image.tar"
	equal "$(jq -r '.manifests[0].digest' "$T/tree/index.json")" "$out"
	equal "$(jq -r '.manifests[0].mediaType' "$T/tree/index.json")" \
		application/vnd.docker.distribution.manifest.v2+json
	equal "$(cd "$T/tree" && find blobs -type f | wc -l)" 4 'config, manifest, two layers'
	(cd "$T/tree/blobs/sha256" && for blob in *; do echo "$blob  $blob"; done | sha256sum -c --quiet)
}

@test "an OCI layout on standard output is the same as in a file" {
	export SOURCE_DATE_EPOCH=1700000000
	expect 0 cbuild -t app:3 -o "type=oci,dest=$T/a.tar" .
	digest=$out
	cbuild -t app:3 -o type=oci,dest=- . >"$T/b.tar" 2>/dev/null
	cmp "$T/a.tar" "$T/b.tar"
	equal "$(skopeo inspect --format '{{.Digest}}' "oci-archive:$T/a.tar:3")" "$digest"
}

@test "type=cacheonly builds, prints the digest and leaves no image" {
	export SOURCE_DATE_EPOCH=1700000000
	expect 0 cbuild -t "$REPO" -o type=cacheonly .
	digest=$out
	[ ! -e "$CBUILD_ROOT/store" ]
	expect 0 cbuild -t "$REPO" .
	equal "$out" "$digest"
}

@test "several outputs of one build; the digest printed is the first image's" {
	expect 0 cbuild -t "$REPO:1" -o type=cacheonly -o "type=docker,dest=$T/d.tar" \
		-o "type=oci,dest=$T/oci,tar=false" --metadata-file "$T/meta.json" --dotenv "$T/env" .
	equal "$(tar -xOf "$T/d.tar" index.json | jq -r '.manifests[0].digest')" "$out"
	equal "$(jq -r '.["containerimage.digest"]' "$T/meta.json")" "$out"
	equal "$(jq -r '.["containerimage.descriptor"].mediaType' "$T/meta.json")" \
		application/vnd.docker.distribution.manifest.v2+json
	equal "$(jq -r '.["image.name"]' "$T/meta.json")" "$REPO:1"
	equal "$(sed -n 's/^CBUILD_DIGEST=//p' "$T/env")" "$out"
	[ "$(sed -n 's/^CBUILD_SIZE=//p' "$T/env")" -gt 500000 ]
	# another manifest over the same configuration
	[ "$(jq -r '.manifests[0].digest' "$T/oci/index.json")" != "$out" ]
	equal "$(blob "$T/oci" "$(jq -r '.manifests[0].digest' "$T/oci/index.json")" | jq -r .config.digest)" \
		"$(jq -r '.["containerimage.config.digest"]' "$T/meta.json")"
}

@test "--push puts the image straight into the registry, under all its names" {
	expect 0 cbuild --push -t "$REPO:1" -t "$REPO:2" -t "$E2E_REGISTRY/$NAME-b/c:3" .
	equal "$(remote_digest "$REPO:1")" "$out"
	equal "$(remote_digest "$REPO:2")" "$out"
	equal "$(remote_digest "$E2E_REGISTRY/$NAME-b/c:3")" "$out"
	[ ! -e "$CBUILD_ROOT/store" ]
	expect 0 engine run --rm "$REPO:1"
	equal "$out" hello
}

@test "a base's layers are mounted from its repository: neither fetched nor sent" {
	printf 'FROM %s\nENV A=1\n' "$BUSYBOX" >Dockerfile
	before=$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/blobs")
	expect 0 cbuild -o "type=registry,name=$REPO:1" .
	equal "$(remote_digest "$REPO:1")" "$out"
	# the configuration alone
	equal "$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/blobs")" $((before + 1))
	layer=$(skopeo inspect --raw --tls-verify=false "docker://$REPO:1" | jq -r '.layers[0].digest')
	[ ! -e "$CBUILD_ROOT/cache/blobs/blobs/${layer/://}" ] || fail 'the layer was fetched'
	expect 0 engine run --rm "$REPO:1" true
}

@test "a base's layers that the other registry lacks are fetched and sent" {
	with_passwords
	login anna geheim-1
	printf 'FROM %s\nENV A=1\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild --push -t "$registry/app:1" .
	digest=$out
	expect 0 skopeo copy -q --src-tls-verify=false --src-creds anna:geheim-1 "docker://$registry/app:1" \
		"oci:$T/copy:1"
	equal "$(jq -r '.manifests[0].digest' "$T/copy/index.json")" "$digest"
	# and not once more
	rm -r "$CBUILD_ROOT/cache"
	expect 0 cbuild --push -t "$registry/app:2" .
	[ "$(find "$CBUILD_ROOT/cache/blobs/blobs" -size +100k | wc -l)" -eq 0 ] || fail 'a layer was fetched'
}

@test "a push without the right to is status 3, and tells no password" {
	with_passwords
	login anna geheim-2
	expect 3 cbuild --push -t "$registry/app:1" .
	message cbuild "$registry"
	has_no "$err" geheim-2
	equal "$out" ''
}

@test "push-by-digest sets no tag" {
	expect 0 cbuild -o "type=image,name=$REPO,push-by-digest=true,name-canonical=true,push=true" \
		--metadata-file "$T/meta.json" .
	equal "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REPO@$out" | sha256sum | cut -d' ' -f1)" "$out"
	equal "$(jq -r '.["image.name"]' "$T/meta.json")" "$REPO@$out"
	expect 1 skopeo inspect --tls-verify=false "docker://$REPO:latest"
}

@test "docker's media types can be pushed, and annotations" {
	expect 0 cbuild -o "type=registry,name=$REPO:d,oci-mediatypes=false" .
	skopeo inspect --raw --tls-verify=false "docker://$REPO:d" >"$T/manifest"
	equal "$(jq -r '[.mediaType, .config.mediaType, .layers[0].mediaType, .layers[1].mediaType] | join(" ")' \
		"$T/manifest" | sed 's/application.vnd.docker.//g')" \
		'distribution.manifest.v2+json container.image.v1+json image.rootfs.diff.tar.gzip image.rootfs.diff.tar.gzip'
	expect 0 engine run --rm "$REPO:d"
	expect 0 cbuild --push -t "$REPO:a" --annotation org.example.one=1 --annotation manifest:org.example.two=2 .
	equal "$(skopeo inspect --raw --tls-verify=false "docker://$REPO:a" | jq -r '.annotations | tojson')" \
		'{"org.example.one":"1","org.example.two":"2"}'
}

@test "what cannot be put out is told before anything is built" {
	expect 2 cbuild -o type=oci .
	message cbuild 'dest=PATH'
	expect 2 cbuild --push .
	message cbuild 'a push needs a name'
	expect 2 cbuild -o type=oci,dest=-  -o type=docker,dest=- .
	message cbuild 'two outputs'
	expect 2 cbuild -o type=docker,dest=x,compression=zstd .
	message cbuild 'none for zstd'
	expect 2 cbuild --annotation index:a=b .
	message cbuild 'one platform has none'
	[ ! -e "$CBUILD_ROOT" ]
}

@test "a command line of kaniko's pushes, writes its files, and keeps from it with --no-push" {
	with_passwords
	login anna geheim-1
	mkdir docker
	mv Dockerfile docker/App.file
	expect 0 cbuild --context "dir://$T/src" --dockerfile docker/App.file --destination "$registry/app:1" \
		--destination "$registry/app:2" --cache=false --digest-file "$T/digest" --tar-path "$T/image.tar"
	equal "$(cat "$T/digest")" "$out"
	equal "$(skopeo inspect --tls-verify=false --creds anna:geheim-1 --format '{{.Digest}}' \
		"docker://$registry/app:2")" "$out"
	expect 0 skopeo inspect "docker-archive:$T/image.tar:$registry/app:1"
	before=$(requests "$T/registry" '(POST|PUT|HEAD)' /v2/app)
	expect 0 cbuild -c . --dockerfile docker/App.file -d "$registry/app:3" --no-push --oci-layout-path "$T/layout"
	equal "$(requests "$T/registry" '(POST|PUT|HEAD)' /v2/app)" "$before"
	equal "$(skopeo inspect --format '{{.Digest}}' "oci:$T/layout:3")" "$out"
	# a context in a tar, the Dockerfile inside it
	tar -czf "$T/context.tar.gz" .
	cd "$T"
	expect 0 cbuild --context "tar://$T/context.tar.gz" --dockerfile docker/App.file -d "$registry/app:3" --no-push
}

@test "an option of kaniko's, buildah's or docker's that is not here says what is" {
	expect 2 cbuild --context . --snapshot-mode=redo --destination x
	message cbuild --snapshot-mode 'not needed'
	expect 2 cbuild --compressed-caching --context . --destination x
	message cbuild --compressed-caching 'not needed'
	expect 2 cbuild --load .
	message cbuild 'docker load'
}

@test "the pipelines of docs/MIGRATING.md do what they are there for" {
	with_passwords
	export CI_REGISTRY=$registry CI_REGISTRY_IMAGE=$registry/team/app CI_REGISTRY_USER=anna \
		CI_REGISTRY_PASSWORD=geheim-1 CI_COMMIT_SHORT_SHA=0a1b2c3d CI_PROJECT_DIR=$PWD \
		CI_COMMIT_REF_SLUG=topic CI_DEFAULT_BRANCH=main
	# what builds and pushes; cdeploy_migrating.bats has the rest
	sed '/^## From an orcinus job/,$d' "$BATS_TEST_DIRNAME/../../docs/MIGRATING.md" |
		sed -n '/^```yaml$/,/^```$/s/^    - //p' >"$T/script"
	[ "$(wc -l <"$T/script")" -ge 7 ] || fail 'the page has no commands any more'
	expect 0 bash -eu "$T/script"
	# each printed its one line
	equal "$(grep -cE '^sha256:[0-9a-f]{64}$' <<<"$out")" 6
	for tag in 0a1b2c3d latest; do
		equal "$(skopeo inspect --tls-verify=false --creds anna:geheim-1 --format '{{.Name}}' \
			"docker://$registry/team/app:$tag")" "$registry/team/app"
	done
	expect 0 skopeo inspect --tls-verify=false --creds anna:geheim-1 "docker://$registry/team/app/cache:topic"
	expect 0 skopeo inspect oci:.cbuild:latest
	has "$(cat build.env)" 'CBUILD_DIGEST=sha256:'
	has "$(cat release.env)" "IMAGE_REF=$registry/team/app@sha256:"
}

@test "type=tar and a directory have the files of base and layers as RUN and COPY left them" {
	export SOURCE_DATE_EPOCH=1700000000
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY --chown=1000:1001 greeting /srv/greeting
	RUN rm /etc/group && ln /srv/greeting /srv/other && ln -s greeting /srv/link && chmod 4755 /srv/greeting
	EOF2
	expect 0 cbuild -o "type=tar,dest=$T/a.tar" -o "$T/tree" .
	mkdir "$T/untarred"
	tar -C "$T/untarred" -xpf "$T/a.tar"
	for tree in "$T/tree" "$T/untarred"; do
		equal "$(cat "$tree/srv/greeting")" hello
		equal "$(stat -c %i "$tree/srv/greeting")" "$(stat -c %i "$tree/srv/other")"
		equal "$(readlink "$tree/srv/link")" greeting
		[ ! -e "$tree/etc/group" ]
		[ -x "$tree/bin/busybox" ]
		equal "$(find "$tree" -mindepth 1 -newermt @1700000000 | head -n 1)" ''
	done
	equal "$(stat -c '%u:%g %a' "$T/untarred/srv/greeting")" '1000:1001 4755'
	equal "$(stat -c '%u:%g %a' "$T/tree/srv/greeting")" '0:0 755'
	# sorted, and the same again on standard output from elsewhere
	equal "$(tar -tf "$T/a.tar" | sed 's,/$,,' | tr / '\1')" "$(tar -tf "$T/a.tar" | sed 's,/$,,' | tr / '\1' | LC_ALL=C sort)"
	cp -r . "$T/copy"
	(umask 077 && cbuild --root "$T/root2" -o - "$T/copy" 2>/dev/null) >"$T/b.tar"
	cmp "$T/a.tar" "$T/b.tar"
	# once more over what is there
	expect 0 cbuild -o "$T/tree" .
	[ ! -e "$CBUILD_ROOT/store" ]
}

@test "a directory put out by a user without rights is that user's own" {
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	expect 0 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" -o "$T/user/out" .
	equal "$(stat -c '%u:%g' "$T/user/out/srv/greeting" "$T/user/out/bin/busybox" | sort -u)" 4242:4242
	equal "$(cat "$T/user/out/srv/greeting")" hello
}

@test "an index of several platforms is pushed, and each finds its image in it" {
	printf 'FROM scratch\nARG TARGETARCH\nCOPY greeting /$TARGETARCH\n' >Dockerfile
	expect 0 cbuild --push -t "$REPO:many" --platform linux/amd64,linux/arm64 --annotation index:org.example.i=1 .
	index=$(skopeo inspect --raw --tls-verify=false "docker://$REPO:many")
	equal "sha256:$(printf %s "$index" | sha256sum | cut -d' ' -f1)" "$out"
	equal "$(jq -r '[.mediaType, .annotations["org.example.i"]] | join(" ")' <<<"$index")" \
		'application/vnd.oci.image.index.v1+json 1'
	for arch in amd64 arm64; do
		equal "$(skopeo inspect --override-arch "$arch" --tls-verify=false --format '{{.Architecture}}' \
			"docker://$REPO:many")" "$arch"
	done
	expect 0 skopeo copy -q --all --src-tls-verify=false "docker://$REPO:many" "oci:$T/copy:1"
	expect 2 cbuild -o "type=docker,dest=$T/d.tar" --platform linux/amd64,linux/arm64 .
	message cbuild 'one platform, not of 2'
}
