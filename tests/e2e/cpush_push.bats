# From an OCI layout or the store into a registry.

load helper

setup() {
	begin
	image one
}

# An image of one small layer in $T/NAME, tag 1: image NAME [CONTENT]
image() {
	mkdir -p "$T/tree-$1"
	echo "${2-$1}" >"$T/tree-$1/file"
	sh "$E2E_SERVERS/pack" "$T/tree-$1" "$T/$1" 1
}

digest_of() {
	jq -r '.manifests[0].digest' "$T/$1/index.json"
}

@test "the tag is latest when none is given, and the digest is the layout's own" {
	expect 0 cpush "$T/one" "$REPO"
	equal "$out" "$REPO@$(digest_of one)"
	equal "$(remote_digest "$REPO:latest")" "$(digest_of one)"
}

@test "further tags with -t, and the digest in a file" {
	expect 0 cpush -t 1.0 -t stable --digest-file "$T/digest" "$T/one" "$REPO:first"
	equal "$(cat "$T/digest")" "$(digest_of one)"
	for tag in first 1.0 stable; do
		equal "$(remote_digest "$REPO:$tag")" "$(digest_of one)" "$tag"
	done
	equal "$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/blobs/uploads/")" 2
}

@test "--dotenv writes what the next job needs" {
	expect 0 cpush --dotenv "$T/release.env" --annotations "$T/links.json" "$T/one" "$REPO:7"
	equal "$(jq -r '."pushed image"[0].external_link.label' "$T/links.json")" "$out"
	digest=$(digest_of one)
	equal "$(cat "$T/release.env")" "IMAGE_NAME=$REPO
IMAGE_TAG=7
IMAGE_DIGEST=$digest
IMAGE_REF=$REPO@$digest"
}

@test "a file for results that cannot be written is told before anything is sent" {
	for option in --dotenv --digest-file; do
		expect 4 cpush "$option" "$T/absent/file" "$T/one" "$REPO:7"
		message cpush "$option: '$T/absent/file'"
	done
	equal "$(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/")" 0
}

@test "a push of what is there already uploads nothing" {
	expect 0 cpush "$T/one" "$REPO"
	before=$(requests "$E2E_DIR/registry" '(PUT|POST|PATCH)' "/v2/$NAME/")
	[ "$before" -ge 3 ]
	expect 0 cpush "$T/one" "$REPO"
	equal "$out" "$REPO@$(digest_of one)"
	equal "$(requests "$E2E_DIR/registry" '(PUT|POST|PATCH)' "/v2/$NAME/")" "$before"
}

@test "a second version sends only what is new" {
	expect 0 cpush "$T/one" "$REPO:1"
	before=$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/blobs/uploads/")
	# the same layer under another config
	mkdir -p "$T/two"
	skopeo copy -q "oci:$T/one:1" "oci:$T/two:1"
	config=$(blob "$T/one" "$(digest_of one)" | jq -r .config.digest)
	blob "$T/one" "$config" | jq -c '.config.Cmd = ["other"]' | tr -d '\n' >"$T/config"
	new=$(sha256sum "$T/config" | cut -d' ' -f1)
	cp "$T/config" "$T/two/blobs/sha256/$new"
	blob "$T/one" "$(digest_of one)" |
		jq -c --arg d "sha256:$new" --argjson s "$(stat -c %s "$T/config")" '.config.digest = $d | .config.size = $s' |
		tr -d '\n' >"$T/manifest"
	sum=$(sha256sum "$T/manifest" | cut -d' ' -f1)
	cp "$T/manifest" "$T/two/blobs/sha256/$sum"
	jq -c --arg d "sha256:$sum" --argjson s "$(stat -c %s "$T/manifest")" \
		'.manifests[0].digest = $d | .manifests[0].size = $s' "$T/one/index.json" >"$T/two/index.json"
	expect 0 cpush "$T/two" "$REPO:2"
	equal "$(requests "$E2E_DIR/registry" PUT "/v2/$NAME/blobs/uploads/")" $((before + 1))
	equal "$(remote_digest "$REPO:2")" "sha256:$sum"
}

@test "what cbuild put into the store goes by its name, and keeps its digest all the way" {
	printf 'FROM %s\nRUN touch /x\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -t "$REPO:3" .
	built=$out
	expect 0 cpush "$REPO:3"
	equal "$out" "$REPO@$built"
	equal "$(remote_digest "$REPO:3")" "$built"
}

@test "a registry that is down is status 5" {
	expect 5 cpush --retries 1 "$T/one" "127.0.0.1:$(free_port)/x"
	message cpush 127.0.0.1
	equal "$out" ''
}

@test "an image that is not in the store, a layout that is not there: status 4" {
	expect 4 cpush "$REPO:none"
	message cpush "$REPO:none"
	expect 4 cpush "$T/none" "$REPO"
	message cpush "$T/none"
}

@test "a wrong reference, tag or option is status 2, before anything is sent" {
	expect 2 cpush "$T/one" "$E2E_REGISTRY/Upper:1"
	message cpush Upper
	expect 2 cpush -t 'no tag' "$T/one" "$REPO"
	message cpush 'no tag'
	expect 2 cpush --no-such-option "$T/one" "$REPO"
	message cpush --no-such-option
	equal "$(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/")" 0
}

@test "a layer that was changed on disk is named, and no tag is set" {
	layer=$(blob "$T/one" "$(digest_of one)" | jq -r '.layers[0].digest')
	printf 'XX' | dd of="$T/one/blobs/${layer/://}" bs=1 seek=40 conv=notrunc status=none
	expect 1 cpush "$T/one" "$REPO"
	message cpush "$layer"
	! remote_digest "$REPO:latest" 2>/dev/null || fail 'the tag is there'
}

@test "SIGTERM ends a push that waits for its registry with 143" {
	# takes connections and never says a word
	python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
held = [s.accept() for _ in range(100)]' >"$T/port" 3>&- &
	mute=$!
	until_true test -s "$T/port"
	cpush "$T/one" "127.0.0.1:$(cat "$T/port")/x" >"$T/stdout" 2>"$T/stderr" 3>&- &
	pid=$!
	until_true connected
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	kill "$mute"
	equal "$got" 143 "$(cat "$T/stderr")"
	equal "$(cat "$T/stdout")" ''
}

connected() {
	ss -tnH state established "dport = :$(cat "$T/port")" | grep -q .
}
