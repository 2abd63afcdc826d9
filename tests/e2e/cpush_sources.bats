# What cpush can push besides a layout directory: archives, with skopeo and a real engine as the other end.

load helper

setup() {
	begin
	mkdir -p "$T/tree"
	echo one >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
}

digest_of() {
	jq -r '.manifests[0].digest' "$T/$1/index.json"
}

# Brought back by skopeo as it is (into a layout it would be packed anew): back REFERENCE NAME
back() {
	skopeo copy -q --src-tls-verify=false "docker://$1" "dir:$T/$2"
}

# Two platforms in one layout, whole: index NAME (leaves its digest in $index)
index() {
	local arch list='' sum size
	mkdir -p "$T/$1/blobs/sha256"
	for arch in amd64 arm64; do
		mkdir -p "$T/tree-$arch"
		echo "$arch" >"$T/tree-$arch/file"
		sh "$E2E_SERVERS/pack" "$T/tree-$arch" "$T/only-$arch" 1
		cp "$T/only-$arch/blobs/sha256/"* "$T/$1/blobs/sha256/"
		list+=$(jq -c --arg a "$arch" '.manifests[0] | del(.annotations) | .platform = {os: "linux", architecture: $a}' \
			"$T/only-$arch/index.json")$'\n'
	done
	jq -cs '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: .}' <<<"$list" |
		tr -d '\n' >"$T/index"
	sum=$(sha256sum "$T/index" | cut -d' ' -f1) size=$(stat -c %s "$T/index")
	index=sha256:$sum
	cp "$T/index" "$T/$1/blobs/sha256/$sum"
	cp "$T/one/oci-layout" "$T/$1/"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":%s,%s}]}' \
		"$index" "$size" '"annotations":{"org.opencontainers.image.ref.name":"both"}' >"$T/$1/index.json"
}

@test "a layout in a tar file keeps its digest, in place" {
	skopeo copy -q "oci:$T/one:1" "oci-archive:$T/one.tar:1"
	export TMPDIR=$T/nothing-to-write-here
	expect 0 cpush "$T/one.tar" "$REPO:1"
	equal "$out" "$REPO@$(digest_of one)"
	equal "$(remote_digest "$REPO:1")" "$(digest_of one)"
	expect 0 cpush "$T/one.tar:1" "$REPO:2"
	expect 0 cpush "$T/one.tar@$(digest_of one)" "$REPO:3"
	expect 4 cpush "$T/one.tar:none" "$REPO:4"
	message cpush one.tar none
}

@test "what docker saved of old is pushed as it is, and pushed again for nothing" {
	skopeo copy -q "oci:$T/one:1" "docker-archive:$T/save.tar:app:1"
	export TMPDIR=$T/nothing-to-write-here
	expect 0 cpush "$T/save.tar" "$REPO:1"
	first=$out
	equal "$out" "$REPO@$(remote_digest "$REPO:1")"
	back "$REPO:1" back
	equal "$first" "$REPO@sha256:$(sha256sum "$T/back/manifest.json" | cut -d' ' -f1)"
	# the layer is the tar itself: its digest is the diff id of the image that was saved
	layer=$(jq -r '.layers[0].digest' "$T/back/manifest.json")
	equal "$layer" "$(config "$T/one" "$(digest_of one)" '.rootfs.diff_ids[0]')"
	equal "$(jq -r '.layers[0].mediaType' "$T/back/manifest.json")" application/vnd.oci.image.layer.v1.tar
	equal "$(tar -xOf "$T/back/${layer#sha256:}" ./file)" one
	before=$(requests "$E2E_DIR/registry" '(PUT|POST|PATCH)' "/v2/$NAME/")
	expect 0 cpush "$T/save.tar:app:1" "$REPO:1"
	equal "$out" "$first"
	equal "$(requests "$E2E_DIR/registry" '(PUT|POST|PATCH)' "/v2/$NAME/")" "$before"
	expect 4 cpush "$T/save.tar:other:1" "$REPO:1"
	message cpush save.tar app:1
}

@test "what a real engine saves is pushed, and runs in it again" {
	skopeo copy -q "oci:$E2E_BUSYBOX_LAYOUT:1" "docker-archive:$T/in.tar:$NAME:1"
	engine load -q -i "$T/in.tar" >/dev/null
	engine save -o "$T/engine.tar" "$NAME:1"
	engine image rm -f "$NAME:1" >/dev/null
	expect 0 cpush "$T/engine.tar" "$REPO:1"
	equal "$out" "$REPO@$(remote_digest "$REPO:1")"
	equal "$(engine run --rm "${out}" echo works)" works
	engine image rm -f "$out" >/dev/null
}

@test "through a pipe and compressed an archive is the same image" {
	skopeo copy -q "oci:$T/one:1" "docker-archive:$T/save.tar:app:1"
	expect 0 cpush "$T/save.tar" "$REPO:1"
	first=$out
	gzip -k "$T/save.tar"
	expect 0 cpush "$T/save.tar.gz" "$REPO:2"
	equal "$out" "$first"
	out=$(cpush - "$REPO:3" <"$T/save.tar.gz" 2>/dev/null)
	equal "$out" "$first"
	out=$(cat "$T/save.tar" | cpush - "$REPO:4" 2>/dev/null)
	equal "$out" "$first"
	equal "$(find "$TMPDIR" -newer "$T/save.tar" -type f | grep -v /bats | head -n 1)" ''
	expect 2 cpush --creds-stdin - "$REPO:5"
}

@test "several platforms go whole, or one of them with --platform" {
	index both
	expect 0 cpush "$T/both" "$REPO:all"
	equal "$out" "$REPO@$index"
	skopeo inspect --raw --tls-verify=false "docker://$REPO:all" >"$T/raw"
	equal "sha256:$(sha256sum "$T/raw" | cut -d' ' -f1)" "$index"
	expect 0 cpush --platform linux/arm64 "$T/both:both" "$REPO:arm"
	equal "$out" "$REPO@$(digest_of only-arm64)"
	equal "$(remote_digest "$REPO:arm")" "$(digest_of only-arm64)"
	expect 4 cpush --platform linux/s390x "$T/both" "$REPO:none"
	message cpush both linux/s390x
	expect 2 cpush --platform nonsense/ "$T/both" "$REPO:none"
}

@test "an artifact with an empty configuration keeps its digest" {
	mkdir -p "$T/art/blobs/sha256"
	printf '{}' >"$T/art/blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	printf 'a chart' >"$T/layer"
	sum=$(sha256sum "$T/layer" | cut -d' ' -f1)
	mv "$T/layer" "$T/art/blobs/sha256/$sum"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x.chart",%s,"layers":[%s]}' \
		'"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}' \
		'{"mediaType":"application/x.chart.content","digest":"sha256:'"$sum"'","size":7}' >"$T/manifest"
	sum=$(sha256sum "$T/manifest" | cut -d' ' -f1) size=$(stat -c %s "$T/manifest")
	mv "$T/manifest" "$T/art/blobs/sha256/$sum"
	cp "$T/one/oci-layout" "$T/art/"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x.chart","digest":"sha256:%s","size":%s}]}' \
		"$sum" "$size" >"$T/art/index.json"
	expect 0 cpush "$T/art" "$REPO:chart"
	equal "$out" "$REPO@sha256:$sum"
	skopeo inspect --raw --tls-verify=false "docker://$REPO:chart" | jq -e '.artifactType == "application/x.chart"'
}

@test "a layer of the archive that was changed is named, and no tag is set" {
	skopeo copy -q "oci:$T/one:1" "docker-archive:$T/save.tar:app:1"
	layer=$(config "$T/one" "$(digest_of one)" '.rootfs.diff_ids[0]')
	python3 - "$T/save.tar" <<-'E2'
	import sys
	data = open(sys.argv[1], "rb").read()
	at = data.index(b"one\n")
	open(sys.argv[1], "wb").write(data[:at] + b"two\n" + data[at + 4:])
	E2
	expect 1 cpush "$T/save.tar" "$REPO:1"
	message cpush "$layer"
	! remote_digest "$REPO:1" 2>/dev/null || fail 'the tag is there'
}

@test "a file that is no archive, or a broken one, is refused with its name" {
	echo text >"$T/text"
	expect 2 cpush "$T/text" "$REPO"
	message cpush "$T/text" tar
	skopeo copy -q "oci:$T/one:1" "oci-archive:$T/one.tar:1"
	head -c 520 "$T/one.tar" >"$T/cut.tar"
	expect 1 cpush "$T/cut.tar" "$REPO"
	message cpush "$T/cut.tar"
	tar -C "$T" -cf "$T/twice.tar" one/index.json
	tar -C "$T" -rf "$T/twice.tar" one/index.json
	expect 1 cpush "$T/twice.tar" "$REPO"
	message cpush "$T/twice.tar" twice
	expect 4 cpush "oci:$T/one:1" "$REPO"
	message cpush 'a path alone' "'$T/one:1'"
	equal "$(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/")" 0
}
