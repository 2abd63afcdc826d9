# One registry and one engine for the whole run; each test has its own --root, names and folder. A Debian, which takes a
# minute to make, only those files ask for that need one (servers/base).
# tests/e2e/run takes both down, even when a test was killed.

setup_suite() {
	set -e
	: "${E2E_DIR:?start the suite with tests/e2e/run}"
	export E2E_SERVERS="$BATS_TEST_DIRNAME/servers"
	E2E_REGISTRY=$("$E2E_SERVERS/registry" start "$E2E_DIR/registry")
	E2E_ENGINE=$("$E2E_SERVERS/engine" start "$E2E_DIR/engine")
	cp "$E2E_DIR/engine/name" "$E2E_DIR/engine-name"
	make_busybox
	export E2E_REGISTRY E2E_ENGINE E2E_BUSYBOX E2E_BUSYBOX_LAYOUT
}

# An image of 2 MB for all tests that do not need a Debian.
make_busybox() {
	E2E_BUSYBOX_LAYOUT=$E2E_DIR/busybox
	sh "$E2E_SERVERS/busybox" "$E2E_BUSYBOX_LAYOUT"
	E2E_BUSYBOX=$E2E_REGISTRY/busybox:1
	skopeo copy -q --dest-tls-verify=false "oci:$E2E_BUSYBOX_LAYOUT:1" "docker://$E2E_BUSYBOX"
}
