# What cpush wrote is read by skopeo, buildah and docker under the digest that it told; what they wrote is read by
# cbuild, file by file: both kinds of manifest, and every compression that the other side can read or write.

load helper

setup() {
	begin
	mkdir -p "$T/tree/d"
	seq 1 50000 >"$T/tree/d/numbers"
	head -c 100000 /dev/urandom >"$T/tree/d/noise"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	sum=$(sum_of "$T/tree/d")
}

teardown() {
	engine images -q --no-trunc "$REPO" | sort -u | xargs -r docker -H "$E2E_ENGINE" rmi -f >/dev/null
}

sum_of() {
	(cd "$1" && cat numbers noise) | sha256sum | cut -d' ' -f1
}

# It remembers where it has seen which blob, in a fixed place, and would take one of another compression from there.
buildah() {
	unshare --mount sh -c 'mkdir -p /var/lib/containers && mount -n -t tmpfs tmpfs /var/lib/containers && exec buildah "$@"' \
		sh --root "$T/buildah" --runroot "$T/buildah-run" --storage-driver vfs "$@"
}

# An image in the registry of which the files are ours: built COMPRESSION MEDIA-TYPES TAG
built() {
	printf 'FROM scratch\nCOPY d /d\n' >"$T/Dockerfile"
	expect 0 cbuild --compression "$1" -o "type=oci,dest=$T/$3,tar=false,name=$REPO:$3${2:+,$2}" -f "$T/Dockerfile" \
		"$T/tree"
	expect 0 cpush "$T/$3" "$REPO:$3"
	digest=${out#*@}
	equal "$(skopeo inspect --raw --tls-verify=false "docker://$REPO:$3" | sha256sum | cut -d' ' -f1)" \
		"${digest#sha256:}"
	mkdir -p "$T/raw"
	skopeo inspect --raw --tls-verify=false "docker://$REPO:$3" >"$T/raw/$3"
}

layer_type() {
	jq -r '.layers[-1].mediaType' "$T/raw/$1"
}

read_by_skopeo() {
	expect 0 skopeo copy -q --src-tls-verify=false "docker://$REPO:$1" "dir:$T/skopeo-$1"
	equal "sha256:$(sha256sum <"$T/skopeo-$1/manifest.json" | cut -d' ' -f1)" "$digest" 'skopeo'
	# packs the layers anew, and so compares them with their diff ids
	expect 0 skopeo copy -q --src-tls-verify=false --dest-compress-format "$2" "docker://$REPO:$1" "oci:$T/anew-$1:1"
}

read_by_buildah() {
	local container
	expect 0 buildah pull -q --tls-verify=false "$REPO:$1"
	container=$(buildah from --pull-never "$REPO:$1")
	equal "$(buildah inspect --format '{{.FromImageDigest}}' "$container")" "$digest" 'buildah'
	equal "$(sum_of "$(buildah mount "$container")/d")" "$sum" 'buildah'
	buildah rm "$container" >/dev/null
}

read_by_docker() {
	local container
	expect 0 engine pull -q "$REPO:$1"
	# one for each manifest of this configuration that it has pulled
	has "$(engine inspect --format '{{json .RepoDigests}}' "$REPO:$1")" "\"$REPO@$digest\""
	container=$(engine create "$REPO:$1" /none)
	mkdir "$T/docker-$1"
	engine cp "$container:/d/." - | tar -C "$T/docker-$1" -xf -
	engine rm "$container" >/dev/null
	equal "$(sum_of "$T/docker-$1")" "$sum" 'docker'
}

@test "skopeo, buildah and docker read what cpush wrote, under its digest" {
	local gzip=tar+gzip type=application/vnd.oci.image.layer.v1
	built gzip '' gzip
	equal "$(layer_type gzip)" "$type.$gzip"
	read_by_skopeo gzip zstd
	read_by_buildah gzip
	read_by_docker gzip

	built uncompressed '' plain
	equal "$(layer_type plain)" "$type.tar"
	read_by_skopeo plain gzip
	read_by_buildah plain
	read_by_docker plain

	# this docker is too old for it
	built zstd '' zstd
	equal "$(layer_type zstd)" "$type.tar+zstd"
	read_by_skopeo zstd gzip
	read_by_buildah zstd

	type=application/vnd.docker.image.rootfs.diff
	built gzip oci-mediatypes=false schema2
	equal "$(layer_type schema2)" "$type.tar.gzip"
	read_by_skopeo schema2 zstd
	read_by_buildah schema2
	read_by_docker schema2

	built uncompressed oci-mediatypes=false schema2-plain
	equal "$(layer_type schema2-plain)" "$type.tar"
	read_by_skopeo schema2-plain gzip
	read_by_buildah schema2-plain
	read_by_docker schema2-plain
}

# wrote TAG LAYER-TYPE: it is there as expected, and becomes a stage of the build that reads them all.
wrote() {
	mkdir -p "$T/raw"
	skopeo inspect --raw --tls-verify=false "docker://$REPO:$1" >"$T/raw/$1"
	equal "$(layer_type "$1")" "$2" "$1"
	stages+="FROM $REPO:$1 AS $1"$'\n'
	copies+="COPY --from=$1 /d /$1"$'\n'
	tags+=" $1"
}

by_skopeo() {
	local dest=docker://$REPO:$1
	shift
	expect 0 skopeo copy -q --dest-tls-verify=false "$@" "$dest"
}

# through_layout TAG: what a peer has written into the layout of that name, where it may lie uncompressed; on its way into a
# registry it would compress it. cpush brings it there as it is.
through_layout() {
	expect 0 cpush "$T/$1" "$REPO:$1"
	equal "${out#*@}" "$(jq -r '.manifests[0].digest' "$T/$1/index.json")" "$1"
}

by_buildah() {
	local dest=docker://$REPO:$1
	shift
	expect 0 buildah push -q --tls-verify=false "$@" "$container" "$dest"
}

@test "cbuild reads what skopeo, buildah and docker wrote, and cpush copies it as it is" {
	local stages='' copies='' tags='' container tag
	local oci=application/vnd.oci.image.layer.v1 docker=application/vnd.docker.image.rootfs.diff
	by_skopeo s-gzip "oci:$T/one:1"
	wrote s-gzip $oci.tar+gzip
	by_skopeo s-schema2 --format v2s2 "oci:$T/one:1"
	wrote s-schema2 $docker.tar.gzip
	expect 0 skopeo copy -q "oci:$T/one:1" "docker-archive:$T/load.tar:$REPO:d-schema2"
	# not straight there, or it would find the other layer and take that
	expect 0 skopeo copy -q --dest-compress-format zstd "oci:$T/one:1" "oci:$T/zstd:1"
	by_skopeo s-zstd "oci:$T/zstd:1"
	wrote s-zstd $oci.tar+zstd

	expect 0 buildah pull -q --tls-verify=false "docker://$REPO:s-gzip"
	container=$out
	by_buildah b-gzip --format oci
	wrote b-gzip $oci.tar+gzip
	by_buildah b-zstd --format oci --compression-format zstd
	wrote b-zstd $oci.tar+zstd
	# (zstd has no name among docker's media types, so nobody writes it there)
	by_buildah b-schema2 --format v2s2
	wrote b-schema2 $docker.tar.gzip

	expect 0 engine load -q -i "$T/load.tar"
	expect 0 engine push -q "$REPO:d-schema2"
	wrote d-schema2 $docker.tar.gzip

	# last, or the others would find the plain layer and take that
	expect 0 skopeo copy -q --dest-decompress "oci:$T/one:1" "dir:$T/dir"
	expect 0 skopeo copy -q --dest-oci-accept-uncompressed-layers "dir:$T/dir" "oci:$T/s-plain:1"
	through_layout s-plain
	wrote s-plain $oci.tar
	# an image of its own: of what it pulled it still has the packed layer
	container=$(buildah from scratch)
	buildah add -q "$container" "$T/tree/d" /d >/dev/null
	expect 0 buildah commit -q --disable-compression --format oci "$container" "oci:$T/b-plain:1"
	through_layout b-plain
	wrote b-plain $oci.tar
	# its type says gzip, its bytes are plain
	expect 0 skopeo copy -q --dest-oci-accept-uncompressed-layers "docker-archive:$T/load.tar" "oci:$T/s-mislabelled:1"
	through_layout s-mislabelled
	wrote s-mislabelled $oci.tar+gzip

	printf '%sFROM scratch\n%s' "$stages" "$copies" >Dockerfile
	expect 0 cbuild -o "$T/files" .
	for tag in $tags; do
		equal "$(sum_of "$T/files/$tag")" "$sum" "$tag"
	done
	# and from there they go to another place as they are
	for tag in $tags; do
		expect 0 cpush "docker://$REPO:$tag" "$REPO/again:$tag"
		equal "${out#*@}" "sha256:$(sha256sum <"$T/raw/$tag" | cut -d' ' -f1)" "$tag"
	done
}

# by_hand TAG LAYER-TYPE FILE: the same files in a manifest of docker's, their layer's bytes as in FILE, and its type as
# somebody has named them.
by_hand() {
	local dir=$T/$1 blobs=$T/$1/blobs/sha256 config layer manifest
	mkdir -p "$blobs"
	config=$(blob "$T/one" "$(jq -r '.manifests[0].digest' "$T/one/index.json")" | jq -r .config.digest)
	blob "$T/one" "$config" >"$blobs/${config#sha256:}"
	layer=$(sha256sum <"$3" | cut -d' ' -f1)
	cp "$3" "$blobs/$layer"
	jq -cn --arg c "$config" --argjson cn "$(blob "$T/one" "$config" | wc -c)" --arg l "sha256:$layer" \
		--argjson ln "$(wc -c <"$3")" --arg t "$2" '{schemaVersion: 2,
		mediaType: "application/vnd.docker.distribution.manifest.v2+json",
		config: {mediaType: "application/vnd.docker.container.image.v1+json", digest: $c, size: $cn},
		layers: [{mediaType: $t, digest: $l, size: $ln}]}' | tr -d '\n' >"$T/manifest"
	manifest=$(sha256sum <"$T/manifest" | cut -d' ' -f1)
	cp "$T/manifest" "$blobs/$manifest"
	jq -cn --arg d "sha256:$manifest" --argjson n "$(wc -c <"$T/manifest")" '{schemaVersion: 2, manifests:
		[{mediaType: "application/vnd.docker.distribution.manifest.v2+json", digest: $d, size: $n}]}' >"$dir/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	through_layout "$1"
	wrote "$1" "$2"
}

@test "zstd under docker's media types, which have no name for it, is read by its bytes and copied as it is" {
	local stages='' copies='' tags='' tag
	local docker=application/vnd.docker.image.rootfs.diff
	blob "$T/one" "$(blob "$T/one" "$(jq -r '.manifests[0].digest' "$T/one/index.json")" |
		jq -r '.layers[0].digest')" | gzip -dc >"$T/layer.tar"
	zstd -q "$T/layer.tar"
	# as containerd calls it, and under the name that docker's own tools know
	by_hand z-named $docker.tar.zstd "$T/layer.tar.zst"
	by_hand z-as-gzip $docker.tar.gzip "$T/layer.tar.zst"
	printf '%sFROM scratch\n%s' "$stages" "$copies" >Dockerfile
	expect 0 cbuild -o "$T/files" .
	for tag in $tags; do
		equal "$(sum_of "$T/files/$tag")" "$sum" "$tag"
		expect 0 cpush "docker://$REPO:$tag" "$REPO/again:$tag"
		equal "${out#*@}" "sha256:$(sha256sum <"$T/raw/$tag" | cut -d' ' -f1)" "$tag"
	done
	# nobody is given a layer under a name that its readers do not know
	expect 2 cbuild --compression zstd -o "type=oci,dest=$T/none,tar=false,oci-mediatypes=false" .
	message cbuild 'none for zstd'
}
