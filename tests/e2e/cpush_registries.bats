# Debian's docker-registry in the ways that people run it: with relative addresses, its blobs elsewhere, read-only,
# on a disk that is full, swept between two pushes, as a cache of another one.

load helper

setup() {
	begin
	image one 300
	digest=$(jq -r '.manifests[0].digest' "$T/one/index.json")
	layer=$(blob "$T/one" "$digest" | jq -r '.layers[0].digest')
}

teardown() {
	local dir
	for dir in "$T/registry" "$T"/*/registry; do
		[ ! -d "$dir" ] || "$E2E_SERVERS/registry" stop "$dir"
	done
	[ ! -d "$T/blobs" ] || "$E2E_SERVERS/faults" stop "$T/blobs"
}

# image NAME KIB: a layout in $T/NAME with a layer that does not pack
image() {
	mkdir -p "$T/tree"
	head -c $(($2 * 1024)) /dev/urandom >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/$1" 1
}

registry() {
	registry=$("$E2E_SERVERS/registry" start "$T/registry" "$@")
}

with_password() {
	htpasswd -Bbn -C 4 anna geheim-1 >"$T/passwords"
	registry htpasswd "$T/passwords" "$@"
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf anna:geheim-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
}

# The image is there for somebody else: there [REFERENCE]
there() {
	skopeo copy -q --src-tls-verify=false "docker://${1-$registry/app:1}" "dir:$T/back"
	equal "sha256:$(sha256sum <"$T/back/manifest.json" | cut -d' ' -f1)" "$digest"
	rm -r "$T/back"
}

# FROM brings its layer into the store, byte for byte: pulled [REFERENCE]
pulled() {
	printf 'FROM %s\nENV a=b\n' "${1-$registry/app:1}" >Dockerfile
	rm -rf "$CBUILD_ROOT/store"
	expect 0 cbuild -vvv .
	equal "$(blob "$CBUILD_ROOT/store" "$layer" | sha256sum | cut -d' ' -f1)" "${layer#sha256:}"
}

@test "a Location that is a path: whole blobs, pieces, and further tags" {
	registry relative
	expect 0 cpush -vvv "$T/one" "$registry/app:1"
	there
	pulled
	image one 900
	digest=$(jq -r '.manifests[0].digest' "$T/one/index.json")
	expect 0 cpush --chunk-size 256k -t 3 "$T/one" "$registry/app:2"
	there "$registry/app:3"
	[ "$(requests "$T/registry" PATCH '/v2/app/blobs/uploads/')" -ge 3 ] || fail 'no pieces'
	# that it was one
	curl -sS -o /dev/null -D "$T/headers" -X POST "http://$registry/v2/app/blobs/uploads/"
	has "$(tr -d '\r' <"$T/headers")" 'Location: /v2/app/blobs/uploads/'
}

@test "blobs that lie on another host are had from there, and it is told no password" {
	local elsewhere
	elsewhere=$("$E2E_SERVERS/faults" start "$T/blobs" -)
	with_password redirect "http://$elsewhere"
	expect 0 cpush -vvv "$T/one" "$registry/app:1"
	# the other host has the registry's disk
	(cd "$T/registry/data" && find docker/registry/v2/blobs -name data) | while read -r file; do
		echo "GET,HEAD $file\$ * reply 200 'Content-Type: application/octet-stream' file=$T/registry/data/$file"
	done >"$T/blobs/rules"
	pulled
	has_no "$err" geheim-1
	expect 0 cpush -vvv "docker://$registry/app:1" "$REPO:copy"
	there "$REPO:copy"
	[ "$(grep -c '^GET .* 200$' "$T/blobs/log")" -ge 3 ] || fail "$(cat "$T/blobs/log")"
	! grep -v ' auth=none ' "$T/blobs/log" || fail 'credentials went there'
	# and a look that leads there is a look
	before=$(requests "$T/registry" '(PUT|POST|PATCH)' /)
	expect 0 cpush --dry-run --root "$T/root2" "$T/one" "$registry/app:2"
	has "$out" "exists $layer"
	equal "$(requests "$T/registry" '(PUT|POST|PATCH)' /)" "$before"
	[ "$(grep -c '^HEAD .* 200$' "$T/blobs/log")" -ge 1 ] || fail "$(cat "$T/blobs/log")"
	! grep -v ' auth=none ' "$T/blobs/log" || fail 'credentials went there'
}

@test "a registry that is read-only gives, and what it answers to a push is told with its cause" {
	registry readonly data "$E2E_DIR/registry/data"
	expect 0 cpush "$T/one" "$REPO:1"
	pulled "$registry/$NAME:1"
	# nothing to do is no push
	expect 0 cpush "$T/one" "$registry/$NAME:1"
	image two 10
	before=$(requests "$T/registry" '(PUT|POST|PATCH)' /)
	expect 1 cpush "$T/two" "$registry/$NAME:2"
	message cpush "$registry/$NAME" 405 read-only
	# of each blob once as a mount and once plainly; nothing is taken for trouble that passes
	[ $(($(requests "$T/registry" '(PUT|POST|PATCH)' /) - before)) -le 4 ] || fail 'asked again and again'
	has_no "$err" retrying
	expect 1 cpush "$registry/$NAME@$digest" -t 3
	message cpush "$registry/$NAME" 405 read-only
}

@test "a registry whose disk is full is in trouble: status 5 after some tries, and no tag" {
	image large 3000
	registry full 2000
	expect 5 cpush --retries 1 "$T/large" "$registry/app:1"
	message cpush "$registry/app" 500
	has "$err" retrying
	equal "$(requests "$T/registry" PUT /v2/app/manifests/)" 0
	! skopeo inspect --raw --tls-verify=false "docker://$registry/app:1" 2>/dev/null || fail 'the tag is there'
}

@test "what was swept away since the last push is sent again, whatever our record says" {
	registry
	expect 0 cpush "$T/one" "$registry/app:1"
	curl -sSf -X DELETE "http://$registry/v2/app/manifests/$digest"
	docker-registry garbage-collect "$T/registry/config.yml" >"$T/swept" 2>&1
	has "$(cat "$T/swept")" "${layer#sha256:}"
	expect 0 cpush "$T/one" "$registry/app:1"
	there
	# a second image of the same layer, and the layer gone under it
	curl -sSf -X DELETE "http://$registry/v2/app/manifests/$digest"
	docker-registry garbage-collect "$T/registry/config.yml" >"$T/swept" 2>&1
	expect 0 cpush --root "$T/root2" "$T/one" "$registry/app:2"
	there "$registry/app:2"
}

@test "bytes that are not what they were are found out, and data that are gone are absent" {
	local data
	registry
	expect 0 cpush "$T/one" "$registry/app:1"
	data=$(find "$T/registry/data" -path "*/${layer#sha256:}/data")
	printf XX | dd of="$data" bs=1 seek=40 conv=notrunc status=none
	printf 'FROM %s/app:1\nENV a=b\n' "$registry" >Dockerfile
	expect 1 cbuild .
	message cbuild "$layer"
	rm "$data"
	expect 4 cbuild .
	message cbuild "$layer"
	# a push brings them back
	expect 0 cpush --force "$T/one" "$registry/app:1"
	there
	pulled
}

@test "a registry that deletes nothing: a tag moves and is signed all the same" {
	registry nodelete
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/key" 2>/dev/null
	expect 0 cpush --sign-key "$T/key" "$T/one" "$registry/app:1"
	# that it is one
	equal "$(curl -sS -o "$T/answer" -w '%{http_code}' -X DELETE "http://$registry/v2/app/manifests/$digest")" 405
	image one 10
	digest=$(jq -r '.manifests[0].digest' "$T/one/index.json")
	expect 0 cpush --sign-key "$T/key" "$T/one" "$registry/app:1"
	there
	equal "$(requests "$T/registry" DELETE /)" 1
}

@test "a pull-through cache takes no push, and says why not in the registry's words" {
	registry mirror "http://$E2E_REGISTRY"
	expect 1 cpush "$T/one" "$registry/app:1"
	message cpush "$registry/app" 405
	[ "$(requests "$T/registry" '(PUT|POST|PATCH)' /)" -le 4 ] || fail 'asked again and again'
	has_no "$err" retrying
}
