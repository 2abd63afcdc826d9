# The main job with a real service: a Python program on a Debian base, from source to answer.
# The tests of this file build on one another.

load helper

setup_file() {
	export DEMO=$E2E_DIR/demo-source DEMO_ROOT=$E2E_DIR/demo-state DEMO_PORT
	cp -R "$BATS_TEST_DIRNAME/../../testdata/demo" "$DEMO"
	DEMO_PORT=$(free_port)
	E2E_BASE=$("$E2E_SERVERS/base" push "$E2E_REGISTRY")
	export E2E_BASE
}

teardown_file() {
	docker -H "$E2E_ENGINE" service rm demo-web >/dev/null 2>&1 || :
}

setup() {
	begin
	export CBUILD_ROOT=$DEMO_ROOT DOCKER_HOST=$E2E_ENGINE
	IMAGE=$E2E_REGISTRY/demo/web
}

@test "cbuild makes the image, with apt-get inside" {
	expect 0 cbuild -t "$IMAGE:1" --build-arg "BASE=$E2E_BASE" "$DEMO"
	echo "$out" >"$E2E_DIR/demo-digest"
	nothing_in_tmp
	has_no "$(last_layer "$CBUILD_ROOT/store" "$out")" test_app.py
}

@test "cpush brings it to the registry, and skopeo finds the digest that cbuild said" {
	expect 0 cpush "$IMAGE:1"
	equal "$out" "$IMAGE@$(cat "$E2E_DIR/demo-digest")"
	equal "$(remote_digest "$IMAGE:1")" "$(cat "$E2E_DIR/demo-digest")"
	equal "$(skopeo inspect --tls-verify=false --config "docker://$IMAGE:1" | jq -r .config.User)" www-data
}

@test "docker runs it, and the service's own tests pass in it" {
	expect 0 engine run --rm -v "$DEMO:/source:ro" -w /source -e PYTHONDONTWRITEBYTECODE=1 \
		"$IMAGE:1" python3 -m unittest
	expect 0 engine run --rm "$IMAGE:1" id -un
	equal "$out" www-data
}

@test "cdeploy starts the service, and it answers" {
	expect 0 cdeploy --dir "$DEMO" --project demo --image "$IMAGE:1"
	equal "$out" "demo-web created $IMAGE:1@$(cat "$E2E_DIR/demo-digest")"
	until_true answers "$DEMO_PORT" 'hello, swarm from version 1'
}

@test "a change in the source goes the same way, and the second version answers" {
	sed -i 's/^VERSION = .*/VERSION = "2"/' "$DEMO/app.py"
	# the packages are those of the first; only the source is new
	printf 'FROM %s:1\nCOPY app.py ./\n' "$IMAGE" >"$DEMO/Dockerfile"
	expect 0 cbuild -t "$IMAGE:2" "$DEMO"
	expect 0 cpush "$IMAGE:2"
	expect 0 cdeploy --dir "$DEMO" --project demo --image "$IMAGE:2"
	equal "${out% *}" 'demo-web updated'
	until_true answers "$DEMO_PORT" 'hello, swarm from version 2'
}

@test "once more without a change: nothing is built into the registry, nothing is restarted" {
	index=$(engine service inspect --format '{{.Version.Index}}' demo-web)
	uploads=$(requests "$E2E_DIR/registry" '(POST|PUT|PATCH)' /v2/demo/web/)
	expect 0 cpush "$IMAGE:2"
	expect 0 cdeploy --dir "$DEMO" --project demo --image "$IMAGE:2"
	equal "${out% *}" 'demo-web unchanged'
	equal "$(requests "$E2E_DIR/registry" '(POST|PUT|PATCH)' /v2/demo/web/)" "$uploads"
	equal "$(engine service inspect --format '{{.Version.Index}}' demo-web)" "$index"
}
