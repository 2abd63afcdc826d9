# A layout without its base's layers, as an artifact between jobs: written by cbuild, made whole by cpush.

load helper

setup() {
	begin
	base=$(skopeo inspect --raw --tls-verify=false "docker://$BUSYBOX" | jq -r '.layers[0].digest')
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN echo new >/new
	EOF2
	expect 0 cbuild -o "type=oci,dest=$T/whole,tar=false" .
	digest=$out
	expect 0 cbuild -o "type=oci,dest=$T/thin,tar=false,thin=true" -t app .
	equal "$out" "$digest"
}

teardown() {
	[ -z "${second-}" ] || "$E2E_SERVERS/registry" stop "$T/registry"
}

@test "a thin layout says where the base is, and has the same manifest without its layers" {
	[ -e "$T/whole/blobs/${base/://}" ] || fail 'the whole layout lacks the base'
	[ ! -e "$T/thin/blobs/${base/://}" ] || fail 'the base is in the thin layout'
	cmp "$T/whole/blobs/${digest/://}" "$T/thin/blobs/${digest/://}"
	equal "$(jq -r --arg k "containerd.io/distribution.source.$E2E_REGISTRY" '.manifests[0].annotations[$k]' \
		"$T/thin/index.json")" busybox
	equal "$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"]' "$T/thin/index.json")" latest
	equal "$(ls "$T/thin/blobs/sha256" | wc -l)" "$(($(ls "$T/whole/blobs/sha256" | wc -l) - 1))"
	# written whole over it, it is whole
	expect 0 cbuild -o "type=oci,dest=$T/thin,tar=false" -t app .
	[ -e "$T/thin/blobs/${base/://}" ] || fail 'the base is missing'
	has_no "$(cat "$T/thin/index.json")" distribution.source
}

@test "a base that no step looks into is not even downloaded" {
	printf 'FROM %s\nCMD ["httpd"]\n' "$BUSYBOX" >Dockerfile
	export CBUILD_ROOT=$T/other-root
	before=$(requests "$E2E_DIR/registry" GET "/v2/busybox/blobs/$base")
	expect 0 cbuild -o "type=oci,dest=$T/thin2,tar=false,thin=true" .
	equal "$(requests "$E2E_DIR/registry" GET "/v2/busybox/blobs/$base")" "$before"
}

@test "on the base's host it is mounted, and runs" {
	before=$(requests "$E2E_DIR/registry" GET "/v2/busybox/blobs/")
	expect 0 cpush "$T/thin" "$REPO:1"
	equal "$out" "$REPO@$digest"
	equal "$(requests "$E2E_DIR/registry" GET "/v2/busybox/blobs/")" "$before"
	equal "$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/blobs/uploads/")" 2
	equal "$(requests "$E2E_DIR/registry" POST "/v2/$NAME/blobs/uploads/.mount=sha256%3A${base#sha256:}&from=busybox")" 1
	equal "$(engine run --rm "$out" cat /new)" new
	engine image rm -f "$out" >/dev/null
}

@test "to another host the base is copied from where it is, also out of a tar" {
	second=$("$E2E_SERVERS/registry" start "$T/registry")
	expect 0 cpush "$T/thin:latest" "$second/app:1"
	has "$err" "1 of its blobs are left out of '$T/thin', which names $E2E_REGISTRY/busybox"
	equal "$out" "$second/app@$digest"
	skopeo copy -q --src-tls-verify=false "docker://$second/app:1" "dir:$T/back"
	[ -e "$T/back/${base#sha256:}" ] || fail 'the base did not arrive'
	expect 0 cbuild -o "type=oci,dest=$T/thin.tar,thin=true" .
	expect 0 cpush "$T/thin.tar" "$second/tar:1"
	equal "$out" "$second/tar@$digest"
	# there already: nothing is asked of the base's registry
	before=$(requests "$E2E_DIR/registry" '[A-Z]+' /v2/)
	expect 0 cpush "$T/thin" "$second/app:2"
	equal "$(requests "$E2E_DIR/registry" '[A-Z]+' /v2/)" "$before"
}

@test "a base that is not to be had is status 4 and named, and no tag is set" {
	second=$("$E2E_SERVERS/registry" start "$T/registry")
	sed -i 's,:"busybox",:"gone",' "$T/thin/index.json"
	expect 4 cpush "$T/thin" "$second/app:1"
	message cpush "$base" "$T/thin" "$E2E_REGISTRY/gone"
	! remote_digest "$second/app:1" 2>/dev/null || fail 'the tag is there'
	jq -c 'del(.manifests[0].annotations)' "$T/thin/index.json" >"$T/index" && cp "$T/index" "$T/thin/index.json"
	expect 4 cpush "$T/thin" "$second/app:1"
	message cpush "$base" "$T/thin"
}

@test "thin is of layouts alone" {
	expect 2 cbuild -o "type=docker,dest=$T/x.tar,thin=true" .
	message cbuild thin docker
}
