# --registry-mirror: Debian's docker-registry as a pull-through cache before the one that has the images.

load helper

setup() {
	begin
	MIRROR=$("$E2E_SERVERS/registry" start "$T/registry" mirror "http://$E2E_REGISTRY")
	# an image that is this test's alone, of a layer that no other has
	mkdir tree
	head -c 300000 /dev/urandom >tree/file
	sh "$E2E_SERVERS/pack" tree "$T/image" 1
	expect 0 cpush -q "$T/image" "$REPO:1"
	printf 'FROM %s\nENV a=b\n' "$REPO:1" >Dockerfile
}

teardown() {
	local dir
	for dir in "$T/registry" "$T"/*/registry; do
		[ ! -d "$dir" ] || "$E2E_SERVERS/registry" stop "$dir"
	done
	engine service rm "$NAME-web" >/dev/null 2>&1 || :
	engine network rm "$NAME" >/dev/null 2>&1 || :
}

orcinus() {
	printf 'stack: "%s"\nservices:\n    %s:\n        image: "%s"\n' "$NAME" "$NAME-web" "$REPO:web" >orcinus.yml
}

# asked TOOL: reads of this test's repository that the registry itself got from it.
asked() {
	local n
	n=$(grep -cE "\"(GET|HEAD) /v2/$NAME/.* \"$1/" "$E2E_DIR/registry/log") || :
	echo "${n:-0}"
}

# The layer is in the store, byte for byte.
pulled() {
	local manifest layer
	manifest=$(jq -r '.manifests[0].digest' "$T/image/index.json")
	layer=$(blob "$T/image" "$manifest" | jq -r '.layers[0].digest')
	equal "$(blob "$CBUILD_ROOT/store" "$layer" | sha256sum | cut -d' ' -f1)" "${layer#sha256:}"
}

@test "a base comes from the mirror, and its host is not asked" {
	expect 0 cbuild --registry-mirror "$E2E_REGISTRY=http://$MIRROR" .
	pulled
	equal "$(asked cbuild)" 0 'requests for the host'
	[ "$(requests "$T/registry" GET "/v2/$NAME/blobs/")" -ge 2 ] || fail 'the mirror was not asked'
}

@test "the host itself is asked when the mirror does not have it, fails, or is gone" {
	# it caches another registry, which has nothing
	local empty other
	empty=$("$E2E_SERVERS/registry" start "$T/empty/registry")
	other=$("$E2E_SERVERS/registry" start "$T/other/registry" mirror "http://$empty")
	CBUILD_REGISTRY_MIRROR=$E2E_REGISTRY=http://$other expect 0 cbuild -v .
	pulled
	has "$err" "not from the mirror $other: "
	[ "$(requests "$T/other/registry" HEAD "/v2/$NAME/manifests/")" -ge 1 ] || fail 'the mirror was not asked'

	# what it caches is down: 5xx
	"$E2E_SERVERS/registry" stop "$T/empty/registry"
	rm -r "$CBUILD_ROOT"
	expect 0 cbuild --registry-mirror "$E2E_REGISTRY=http://$other" .
	pulled

	"$E2E_SERVERS/registry" stop "$T/other/registry"
	rm -r "$CBUILD_ROOT"
	expect 0 cbuild -v --registry-mirror "$E2E_REGISTRY=http://$other" .
	pulled
	equal "$(grep -c "not from the mirror" <<<"$err")" 1 'the mirror was asked again'
}

@test "a mirror is no place to push to, and one that is no address is refused" {
	expect 0 cbuild --registry-mirror "$E2E_REGISTRY=http://$MIRROR" -t "$REPO:2" --push .
	equal "$(requests "$T/registry" '(PUT|POST|PATCH)' /)" 0
	expect 2 cbuild --registry-mirror mirror.example .
	message cbuild --registry-mirror HOST=URL
	orcinus
	expect 2 cdeploy --registry-mirror mirror.example
	message cdeploy --registry-mirror HOST=URL
}

@test "a deploy asks the mirror for the digest" {
	web one "$REPO:web"
	orcinus
	DOCKER_HOST=$E2E_ENGINE expect 0 cdeploy --detach --registry-mirror "$E2E_REGISTRY=http://$MIRROR"
	equal "$out" "$NAME-web created $REPO:web@$(remote_digest "$REPO:web")"
	equal "$(asked cdeploy)" 0 'requests for the host'
	[ "$(requests "$T/registry" HEAD "/v2/$NAME/manifests/web")" -ge 1 ] || fail 'the mirror was not asked'
}
