# Pushing 20 layers of 10 MB to a registry on this machine, and pushing them again.
. "$HERE/lib.sh"

LAYERS=20
SIZE=$(scaled 10000000)
JOBS=4
. "$HERE/push_lib.sh"

again() {
	before=$(requests)
	"$1" >/dev/null 2>&1
	echo "$(($(requests) - before)) requests"
}
cpush_again() {
	"$BIN/cpush" -q -j "$JOBS" --root "$WORK/root" "$LAYOUT" "$ADDRESS/cpush-again"
}
skopeo_again() {
	skopeo copy -q --dest-tls-verify=false "oci:$LAYOUT:latest" "docker://$ADDRESS/skopeo-again"
}

echo "push: $LAYERS layers of $(calc %.1f "$SIZE / 1e6") MB to docker-registry on loopback, $JOBS at a time"
push_begin
push_rows ''
push_memory
cpush_again >/dev/null 2>&1
contenders='bytes_alone cpush_again'
if has skopeo; then
	skopeo_again >/dev/null 2>&1
	contenders="$contenders skopeo_again"
fi
# shellcheck disable=SC2086 # a list
measure $contenders || exit 1
row bytes_alone 'the bytes alone: cat | sha256sum' "$(rate bytes_alone)"
row cpush_again 'cpush, nothing changed' "$(again cpush_again)"
if has skopeo; then
	row skopeo_again 'skopeo copy, nothing changed' "$(again skopeo_again)"
fi
