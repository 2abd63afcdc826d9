# What cpush wrote is read by skopeo, buildah and docker under the digest that it told: both kinds of manifest, and
# every compression that the other side can read.

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
