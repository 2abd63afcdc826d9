# From registry to registry, and names for what is in one already: no byte moves that need not.

load helper

setup() {
	begin
	mkdir -p "$T/tree"
	echo one >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	digest=$(jq -r '.manifests[0].digest' "$T/one/index.json")
	skopeo copy -q --dest-tls-verify=false "oci:$T/one:1" "docker://$REPO/a:1"
}

teardown() {
	[ -z "${second-}" ] || "$E2E_SERVERS/registry" stop "$T/registry"
	[ -z "${token_server-}" ] || kill "$token_server"
}

# Another registry, which wants tokens, and us logged in there.
second_with_tokens() {
	"$E2E_SERVERS/token" "$T/tokens" anna geheim-1 >"$T/token.log" 2>&1 3>&- &
	token_server=$!
	until_true test -s "$T/tokens/address"
	second token "http://$(cat "$T/tokens/address")/token" "$T/tokens/certificate.pem"
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$second" "$(printf anna:geheim-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
}

# Another registry, in $second.
second() {
	second=$("$E2E_SERVERS/registry" start "$T/registry" "$@")
}

# The digest of what is served, where there may be no tag.
served() {
	skopeo inspect --raw --tls-verify=false "docker://$1" >"$T/served"
	echo "sha256:$(sha256sum "$T/served" | cut -d' ' -f1)"
}

all() {
	requests "${1:-$E2E_DIR/registry}" '[A-Z]+' "/v2/"
}

@test "a connection that breaks amid a blob goes on there, and the upload with it" {
	local proxy part
	second
	head -c 3000000 /dev/urandom >"$T/tree/big"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/two" 1
	skopeo copy -q --dest-tls-verify=false "oci:$T/two:1" "docker://$REPO/a:2"
	proxy=$("$E2E_SERVERS/faults" start "$T/faults" "$E2E_REGISTRY")
	part=$(jq -r '.layers[0].digest' "$T/two/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/two/index.json" |
		cut -d: -f2)")
	echo "GET /blobs/$part 1 cut-answer 1000000" >"$T/faults/rules"
	expect 0 cpush -v "docker://$proxy/$NAME/a:2" "$second/b:2"
	"$E2E_SERVERS/faults" stop "$T/faults"
	has "$err" "goes on from byte"
	# the rest of it was asked for, and no byte went up twice
	equal "$(grep -c "^GET .*/blobs/$part" "$T/faults/log")" 2
	equal "$(requests "$T/registry" PUT "/v2/b/blobs/uploads/")" 2
	# one for each blob, and one about the first that says what a mount's answer means
	equal "$(requests "$T/registry" POST "/v2/b/blobs/uploads/")" 3
	equal "$(remote_digest "$second/b:2")" "$(jq -r '.manifests[0].digest' "$T/two/index.json")"
}

@test "to another registry blobs stream, and touch no disk" {
	second
	head -c 40000000 /dev/urandom >"$T/tree/big"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/two" 1
	digest=$(jq -r '.manifests[0].digest' "$T/two/index.json")
	skopeo copy -q --dest-tls-verify=false "oci:$T/two:1" "docker://$REPO/a:2"
	export TMPDIR=$T/nothing-to-write-here HOME=$T/nothing-to-write-here
	# no file of this process may become larger than what a log needs
	(ulimit -f 100 && exec cpush "docker://$REPO/a:2" "$second/b:2") >"$T/stdout" 2>"$T/stderr"
	equal "$(cat "$T/stdout")" "$second/b@$digest"
	equal "$(remote_digest "$second/b:2")" "$digest"
	equal "$(requests "$T/registry" PUT "/v2/b/blobs/uploads/")" 2
	# again: nothing but looks
	before=$(requests "$E2E_DIR/registry" GET "/v2/$NAME/a/blobs/")
	expect 0 cpush "docker://$REPO/a:2" "$second/b:2"
	equal "$(requests "$E2E_DIR/registry" GET "/v2/$NAME/a/blobs/")" "$before"
	equal "$(requests "$T/registry" PUT "/v2/b/blobs/uploads/")" 2
}

@test "to another repository of the same host blobs are mounted" {
	expect 0 cpush -t 2 "docker://$REPO/a@$digest" "$REPO/b:1"
	equal "$out" "$REPO/b@$digest"
	equal "$(remote_digest "$REPO/b:1")" "$digest"
	equal "$(remote_digest "$REPO/b:2")" "$digest"
	equal "$(requests "$E2E_DIR/registry" '(PUT|PATCH)' "/v2/$NAME/b/blobs/")" 0
	equal "$(requests "$E2E_DIR/registry" GET "/v2/$NAME/a/blobs/")" 0
	equal "$(requests "$E2E_DIR/registry" POST "/v2/$NAME/b/blobs/uploads/.mount=")" 2
}

@test "a digest in the registry gets further names, and nothing else is asked" {
	before=$(all)
	expect 0 cpush "$REPO/a@$digest" -t 1.4 -t latest
	equal "$out" "$REPO/a@$digest"
	equal "$(($(all) - before))" 3
	equal "$(remote_digest "$REPO/a:1.4")" "$digest"
	equal "$(remote_digest "$REPO/a:latest")" "$digest"
	expect 0 cpush "docker://$REPO/a:1" "$REPO/a:by-tag"
	equal "$(remote_digest "$REPO/a:by-tag")" "$digest"
	expect 0 cpush "$REPO/a:named@$digest"
	equal "$(remote_digest "$REPO/a:named")" "$digest"
	expect 2 cpush "$REPO/a@$digest"
	message cpush 'which tag'
	expect 4 cpush "$REPO/a@sha256:$(printf 0 | sha256sum | cut -d' ' -f1)" -t x
}

@test "with tokens a further name is four requests: refused, token, manifest, tag" {
	second_with_tokens
	expect 0 cpush "$T/one" "$second/a:1"
	before=$(all "$T/registry") tokens=$(wc -l <"$T/tokens/requests")
	expect 0 cpush "$second/a@$digest" -t promoted
	equal "$(($(all "$T/registry") - before))" 3
	equal "$(($(wc -l <"$T/tokens/requests") - tokens))" 1
	expect 0 cpush "docker://$second/a@$digest" "$second/b:1"
	equal "$(requests "$T/registry" '(PUT|PATCH)' "/v2/b/blobs/")" 0
	equal "$(requests "$T/registry" GET "/v2/a/blobs/")" 0
	equal "$(requests "$T/registry" PUT "/v2/[ab]/manifests/")" 3
}

@test "a tag and a digest together: the digest must be the image's" {
	expect 0 cpush "$T/one" "$REPO/c:1@$digest"
	equal "$out" "$REPO/c@$digest"
	wrong=sha256:$(printf 0 | sha256sum | cut -d' ' -f1)
	expect 2 cpush "$T/one" "$REPO/c:2@$wrong"
	message cpush "$digest"
	! remote_digest "$REPO/c:2" 2>/dev/null || fail 'the tag is there'
	expect 0 cpush "$T/one" "$REPO/d@$digest"
	equal "$(served "$REPO/d@$digest")" "$digest"
}

@test "several platforms are copied whole, or one of them" {
	echo two >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/two" 1
	other=$(jq -r '.manifests[0].digest' "$T/two/index.json")
	expect 0 cpush "$T/two" "$REPO/a:2"
	jq -cs '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
		(.[0].manifests[0] | del(.annotations) | .platform = {os: "linux", architecture: "amd64"}),
		(.[1].manifests[0] | del(.annotations) | .platform = {os: "linux", architecture: "arm64"})]}' \
		"$T/one/index.json" "$T/two/index.json" | tr -d '\n' >"$T/index"
	curl -sSf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$T/index" \
		"http://$E2E_REGISTRY/v2/$NAME/a/manifests/all"
	index=sha256:$(sha256sum "$T/index" | cut -d' ' -f1)
	second
	expect 0 cpush "docker://$REPO/a:all" "$second/x:all"
	equal "$out" "$second/x@$index"
	equal "$(served "$second/x@$other")" "$other"
	expect 0 cpush --platform linux/arm64 "docker://$REPO/a:all" "$second/y:arm"
	equal "$out" "$second/y@$other"
	equal "$(requests "$T/registry" PUT "/v2/y/manifests/")" 1
	# an index in an index
	printf '{"schemaVersion":2,"mediaType":"%s","manifests":[{"mediaType":"%s","digest":"%s","size":%s}]}' \
		application/vnd.oci.image.index.v1+json application/vnd.oci.image.index.v1+json "$index" \
		"$(stat -c %s "$T/index")" >"$T/outer"
	curl -sSf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$T/outer" \
		"http://$E2E_REGISTRY/v2/$NAME/a/manifests/outer"
	expect 0 cpush "docker://$REPO/a:outer" "$second/x:outer"
	equal "$out" "$second/x@sha256:$(sha256sum "$T/outer" | cut -d' ' -f1)"
	# a name for an index: its parts are not asked for
	before=$(all)
	expect 0 cpush "$REPO/a@$index" -t both
	equal "$(($(all) - before))" 2
}

@test "--immutable never moves a tag" {
	echo two >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/two" 1
	other=$(jq -r '.manifests[0].digest' "$T/two/index.json")
	expect 0 cpush --immutable "$T/one" "$REPO/i:1"
	expect 0 cpush --immutable "$T/one" "$REPO/i:1"
	expect 1 cpush --immutable "$T/two" "$REPO/i:1"
	message cpush 'tag 1' "$digest"
	expect 1 cpush --immutable -t 1 "$T/two" "$REPO/i:new"
	! remote_digest "$REPO/i:new" 2>/dev/null || fail 'one of two tags was set'
	equal "$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/i/blobs/")" 2
	expect 0 cpush "$T/two" "$REPO/i:2"
	expect 1 cpush --immutable "$REPO/i@$other" -t 1
	expect 1 cpush --immutable --force "$T/two" "$REPO/i:1"
	equal "$(remote_digest "$REPO/i:1")" "$digest"
	expect 0 cpush --immutable "$REPO/i@$other" -t 3
	equal "$(remote_digest "$REPO/i:3")" "$other"
}

@test "--dry-run tells what would be sent, and writes nothing" {
	writes() { requests "$E2E_DIR/registry" '(PUT|POST|PATCH|DELETE)' "/v2/"; }
	layer=$(blob "$T/one" "$digest" | jq -r '.layers[0].digest')
	before=$(writes)
	expect 0 cpush --dry-run --digest-file "$T/digest" "$T/one" "$REPO/dry:1"
	equal "$(tail -n 1 <<<"$out")" "$REPO/dry@$digest"
	has "$out" "send $layer $(stat -c %s "$T/one/blobs/${layer/://}")"
	has "$out" 'tag 1 new'
	[ ! -e "$T/digest" ] || fail 'a digest was written of what was not pushed'
	expect 0 cpush --dry-run "docker://$REPO/a:1" "$REPO/dry:1"
	has "$out" "mount $layer $(stat -c %s "$T/one/blobs/${layer/://}") $NAME/a"
	expect 0 cpush --dry-run --mount-from "$NAME/none" --mount-from "$NAME/a" "$T/one" "$REPO/dry:1"
	has "$out" "mount $layer $(stat -c %s "$T/one/blobs/${layer/://}") $NAME/a"
	equal "$(writes)" "$before"
	expect 0 cpush "$T/one" "$REPO/dry:1"
	echo two >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/two" 1
	before=$(writes)
	expect 0 cpush --dry-run -t 2 "$T/one" "$REPO/dry:1"
	has "$out" "exists $layer"
	has "$out" 'tag 1 is up to date'
	expect 0 cpush --dry-run "$T/two" "$REPO/dry:1"
	has "$out" "tag 1 moves from $digest"
	expect 1 cpush --dry-run --immutable "$T/two" "$REPO/dry:1"
	equal "$(writes)" "$before"
}

@test "what is not at the source is status 4, and a blob that is damaged there is named" {
	expect 4 cpush "docker://$REPO/none:1" "$REPO/b:1"
	message cpush "$NAME/none"
	expect 2 cpush "docker://$REPO/A:1" "$REPO/b:1"
	second
	layer=$(blob "$T/one" "$digest" | jq -r '.layers[0].digest')
	expect 0 cpush "docker://$REPO/a:1" "$second/a:1"
	data=$(find "$T/registry" -path "*/${layer#sha256:}/data")
	printf 'XX' | dd of="$data" bs=1 seek=40 conv=notrunc status=none
	expect 1 cpush "docker://$second/a:1" "$REPO/damaged:1"
	message cpush "$layer"
	! remote_digest "$REPO/damaged:1" 2>/dev/null || fail 'the tag is there'
	rm "$data"
	expect 4 cpush "docker://$second/a:1" "$REPO/damaged:1"
	message cpush "$layer"
}
