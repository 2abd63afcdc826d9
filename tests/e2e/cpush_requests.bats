# How many requests a push is, by the logs of the registry and of the server that gives out tokens.
# Each number is the least that does the work; one more anywhere is a failure.

load helper

setup() {
	begin
	"$E2E_SERVERS/token" "$T/tokens" anna geheim-1 >"$T/token.log" 2>&1 3>&- &
	token_server=$!
	until_true test -s "$T/tokens/address"
	registry=$("$E2E_SERVERS/registry" start "$T/registry" \
		token "http://$(cat "$T/tokens/address")/token" "$T/tokens/certificate.pem")
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf anna:geheim-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
}

teardown() {
	"$E2E_SERVERS/registry" stop "$T/registry"
	kill "$token_server"
}

# put LAYOUT FILE: its digest; the file becomes a blob
put() {
	local digest
	digest=$(sha256sum "$2" | cut -d' ' -f1)
	mkdir -p "$1/blobs/sha256"
	cp "$2" "$1/blobs/sha256/$digest"
	echo "sha256:$digest"
}

# image NAME CONFIG LAYER...: a layout in $T/NAME; layers are equal when their texts are
image() {
	local dir=$T/$1 config layers='[]' digest manifest text
	mkdir -p "$dir"
	printf '{"architecture":"amd64","os":"linux","author":"%s","rootfs":{"type":"layers","diff_ids":[]}}' "$2" \
		>"$T/config"
	config=$(put "$dir" "$T/config")
	for text in "${@:3}"; do
		head -c "${LAYER_BYTES:-1000}" /dev/zero | tr '\0' "${text:0:1}" >"$T/layer"
		echo "$text" >>"$T/layer"
		digest=$(put "$dir" "$T/layer")
		layers=$(jq -c --arg d "$digest" --argjson n "$(stat -c %s "$T/layer")" \
			'. + [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $d, size: $n}]' <<<"$layers")
	done
	jq -cn --arg d "$config" --argjson n "$(stat -c %s "$T/config")" --argjson l "$layers" '{schemaVersion: 2,
		mediaType: "application/vnd.oci.image.manifest.v1+json",
		config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $d, size: $n},
		layers: $l}' | tr -d '\n' >"$T/manifest"
	manifest=$(put "$dir" "$T/manifest")
	jq -cn --arg d "$manifest" --argjson n "$(stat -c %s "$T/manifest")" '{schemaVersion: 2, manifests:
		[{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $n}]}' >"$dir/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	echo "$manifest"
}

all_requests() {
	{
		grep -oE '^127\.0\.0\.1 .*"(GET|HEAD|POST|PUT|PATCH|DELETE) [^"]*" [0-9]+' "$T/registry/log" || :
		cat "$T/tokens/requests" 2>/dev/null || :
	} | sed 's/.*"\([A-Z]* [^" ]*\)[^"]*" *\([0-9]*\).*/\1 \2/'
}

# costs N COMMAND...: it works, and is that many requests.
costs() {
	local want=$1 before after
	shift
	before=$(all_requests | wc -l)
	expect 0 "$@"
	# the log is written after the answer
	sleep 0.3
	after=$(all_requests | wc -l)
	[ $((after - before)) -eq "$want" ] ||
		fail "$((after - before)) requests, expected $want: $(all_requests | tail -n $((after - before)))"
}

@test "a first push of three layers is 11 requests, an unchanged one 3" {
	digest=$(image one first a b c)
	costs 11 cpush "$T/one" "$registry/app:1"
	equal "$out" "$registry/app@$digest"
	costs 3 cpush "$T/one" "$registry/app:1"
	equal "$out" "$registry/app@$digest"
	# who has no record of that push asks by the config
	costs 4 cpush --root "$T/root2" "$T/one" "$registry/app:1"
}

@test "one changed layer: the image before, two for each new blob, the manifest" {
	image one first a b c d e f >/dev/null
	expect 0 cpush "$T/one" "$registry/app:1"
	image two second a b c d e x >/dev/null
	costs 8 cpush "$T/two" "$registry/app:1"
	# the bytes are all there: whoever pulls gets them
	skopeo copy -q --src-tls-verify=false "docker://$registry/app:1" "oci:$T/back:1"
}

@test "without a record the image before is found when a layer turns out to be there" {
	image one first a b c d e f >/dev/null
	expect 0 cpush "$T/one" "$registry/app:1"
	image two second a b c d e x >/dev/null
	# 401, token, config 2, the first layer, the manifest before, the new layer 2, the manifest
	costs 9 cpush --root "$T/root2" -j 1 "$T/two" "$registry/app:1"
}

@test "a second tag for an image that is there is its manifest" {
	digest=$(image one first a b c d e f)
	expect 0 cpush "$T/one" "$registry/app:1"
	# 401, token, the config is there, HEAD of the tag and of the digest, the manifest
	costs 6 cpush "$T/one" "$registry/app:2"
	equal "$out" "$registry/app@$digest"
}

@test "several tags are one manifest more each" {
	image one first a b c >/dev/null
	costs 13 cpush -t 2 -t 3 "$T/one" "$registry/app:1"
	costs 5 cpush -t 2 -t 3 "$T/one" "$registry/app:1"
}

@test "base layers in another repository are one request each" {
	image base first a b c >/dev/null
	expect 0 cpush "$T/base" "$registry/group/base:1"
	image app second a b c own >/dev/null
	costs 10 cpush --mount-from group/base "$T/app" "$registry/group/app:1"
	equal "$(all_requests | grep -c 'mount=.*from=group%2Fbase .*201')" 3
	# one token for both
	equal "$(all_requests | grep -c '^GET /token.*scope=repository%3Agroup%2Fapp.*scope=repository%3Agroup%2Fbase')" 1
	skopeo copy -q --src-tls-verify=false "docker://$registry/group/app:1" "oci:$T/back:1"
}

@test "a repository to mount from that is not there costs nothing" {
	image app second a b c >/dev/null
	costs 11 cpush --mount-from no/such "$T/app" "$registry/group/app:1"
	expect 2 cpush --mount-from Upper "$T/app" "$registry/group/app:1"
	message cpush --mount-from Upper
}

@test "another tag by digest is 4 requests" {
	digest=$(image one first a b c)
	expect 0 cpush "$T/one" "$registry/app:1"
	costs 4 cpush "$registry/app@$digest" -t 2
}

@test "three large layers: one request more, which says that a mount's answer can be believed" {
	export LAYER_BYTES=1100000
	image one first a b c >/dev/null
	costs 12 cpush "$T/one" "$registry/app:1"
	equal "$(all_requests | grep -c '^HEAD /v2/app/blobs/')" 0
}

@test "a registry that never says that a blob is there: 15 requests at most, and no blob twice" {
	export LAYER_BYTES=1100000
	image one first a b c >/dev/null
	proxy=$("$E2E_SERVERS/faults" start "$T/faults" "$registry")
	sed -i "s/$registry/$proxy/" "$HOME/.docker/config.json"
	echo 'POST /blobs/uploads/[?]mount= * query ""' >"$T/faults/rules"
	costs 15 cpush "$T/one" "$proxy/app:1"
	image two second a b c >/dev/null
	before=$(grep -c '^PUT .*/blobs/' "$T/faults/log")
	# config 2, a layer POST, what such an answer means, and HEAD, then HEAD for the others: without a record
	expect 0 cpush --root "$T/root2" -j 1 "$T/two" "$proxy/app:2"
	equal "$(grep -c '^PUT .*/blobs/' "$T/faults/log")" $((before + 1))
	"$E2E_SERVERS/faults" stop "$T/faults"
}

@test "the bytes of the configuration go beside the layers, and not before them" {
	image one first a b c >/dev/null
	proxy=$("$E2E_SERVERS/faults" start "$T/faults" "$registry")
	sed -i "s/$registry/$proxy/" "$HOME/.docker/config.json"
	config=$(blob "$T/one" "$(jq -r '.manifests[0].digest' "$T/one/index.json")" | jq -r .config.digest)
	echo "PUT digest=sha256%3A${config#sha256:} * until $T/go" >"$T/faults/rules"
	cpush "$T/one" "$proxy/app:1" >"$T/stdout" 2>"$T/stderr" </dev/null 3>&- &
	pushing=$!
	until_true layers_are_there 3
	touch "$T/go"
	wait "$pushing"
	"$E2E_SERVERS/faults" stop "$T/faults"
}

layers_are_there() {
	[ "$(grep -c '^PUT .*/blobs/uploads/.* 201$' "$T/faults/log")" -eq "$1" ]
}
