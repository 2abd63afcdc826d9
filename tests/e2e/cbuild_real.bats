# Dockerfiles as projects have them (testdata/real), on a Debian base: built, run, and compared with
# what BuildKit makes of them, where Debian's engine is new enough for that.

load helper

setup_file() {
	# python:3.11-slim and node:18-slim are one image here: Debian with both
	E2E_LANGUAGES=$("$E2E_SERVERS/base" layout python3 python3-venv nodejs npm)
	E2E_BASE_LAYOUT=$("$E2E_SERVERS/base" layout)
	export E2E_LANGUAGES E2E_BASE_LAYOUT
	skopeo copy -q --dest-daemon-host "$E2E_ENGINE" "oci:$E2E_LANGUAGES:bookworm" docker-daemon:python:3.11-slim
	docker -H "$E2E_ENGINE" tag python:3.11-slim node:18-slim
}

teardown_file() {
	docker -H "$E2E_ENGINE" image rm -f python:3.11-slim node:18-slim >/dev/null
}

setup() {
	begin
	store=$CBUILD_ROOT/store
	cp -r "$BATS_TEST_DIRNAME/../../testdata/real/$BATS_TEST_DESCRIPTION/." .
}

build() {
	expect 0 cbuild -t "$REPO" \
		--build-context "debian:bookworm=oci-layout://$E2E_BASE_LAYOUT:bookworm" \
		--build-context "python:3.11-slim=oci-layout://$E2E_LANGUAGES:bookworm" \
		--build-context "node:18-slim=oci-layout://$E2E_LANGUAGES:bookworm" "$@" .
	digest=$out
	nothing_in_tmp
	expect 0 cpush "$REPO"
}

# says TEXT COMMAND...: what the image says, run by the engine.
says() {
	local text=$1
	shift
	expect 0 engine run --rm --network none "$REPO" "$@"
	equal "$out" "$text"
}

describe() {
	"$BATS_TEST_DIRNAME/semantics/describe.py" "$@" --base "$E2E_LANGUAGES"
}

# Texts of the history are older in the engine, and a .pyc knows when its source was written.
comparable() {
	sed -E -e '/^history /d' -e 's/(\.pyc [0-9]+) .*/\1/'
}

# The engine leaves the folders that it made for mounts.
without_mounts() {
	sed -E '/^dir 755 0:0 (wheels|root\/\.(cache|npm)(\/pip)?)\/$/d'
}

# The same with BuildKit: configuration and every file that it adds to the base.
like_buildkit() {
	local tag=$NAME-reference
	# it would fetch the frontend that the first line names
	sed -i 1d Dockerfile
	DOCKER_BUILDKIT=1 expect 0 engine build -q --network none -t "$tag" .
	expect 0 engine save -o "$T/saved.tar" "$tag"
	engine image rm -f "$tag" >/dev/null
	describe "$store@$digest" | comparable >"$T/ours"
	describe "$T/saved.tar" | comparable | without_mounts >"$T/theirs"
	diff "$T/theirs" "$T/ours" >"$T/diff" || fail "$(head -n 30 "$T/diff")"
}

# A wheel from a folder: pip needs no network for it.
make_wheel() {
	python3 - "$1" "$2" wheels <<-'END'
	import os, sys, zipfile
	name, version, folder = sys.argv[1:]
	info = f"{name}-{version}.dist-info"
	files = {f"{name}/{f}": open(f"{name}/{f}").read() for f in sorted(os.listdir(name))}
	files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
	files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	files[f"{info}/RECORD"] = "".join(f"{f},,\n" for f in [*files, f"{info}/RECORD"])
	os.makedirs(folder)
	with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
	    for file, text in files.items():
	        wheel.writestr(zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0)), text)
	END
}

@test "python" {
	make_wheel greeting 1.2
	build
	says 'hello world /venv 10001 /srv/app'
	says 'hello you /venv 10001 /srv/app' you
	like_buildkit
}

@test "node" {
	build
	says 'hello world production 1000 /app'
	# what is for development only stays out
	expect 2 engine run --rm --network none "$REPO" ls node_modules/tester
	like_buildkit
}

@test "c" {
	build
	equal "$(last_layer "$store" "$digest")" hello
	says 'hello world'
	says 'hello you' you
}

@test "nginx" {
	port=$(free_port)
	build --build-arg "PORT=$port"
	equal "$(config "$store" "$digest" '.config | .StopSignal + " " + (.ExposedPorts | keys | join(" "))')" \
		"SIGQUIT $port/tcp"
	container=$(engine run -d --network host "$REPO")
	until_true answers "$port" '<p>hello'
	equal "$(curl -sS --noproxy '*' "http://127.0.0.1:$port/host?a=1")" '/host?a=1'
	engine stop "$container" >/dev/null
	equal "$(engine inspect -f '{{.State.ExitCode}}' "$container")" 0
	has "$(engine logs "$container" 2>&1)" 'GET /host?a=1'
	engine rm "$container" >/dev/null
}
