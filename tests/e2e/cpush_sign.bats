# Signatures: made by cpush, checked by openssl and by rules written down apart; and the other way round.

load helper

setup() {
	begin
	unset COSIGN_PASSWORD
	mkdir -p "$T/tree"
	echo one >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	DIGEST=$(jq -r '.manifests[0].digest' "$T/one/index.json")
	key k
}

# key NAME [OPENSSL-PKEY-OPTION...]: a pair in $T/NAME.key and $T/NAME.pub
key() {
	local name=$1
	shift
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "$@" -out "$T/$name.key" 2>/dev/null
}

public() {
	openssl pkey -in "$T/$1.key" "${@:2}" -pubout -out "$T/$1.pub" 2>/dev/null
}

check() {
	python3 "$BATS_TEST_DIRNAME/signature_check.py" "$E2E_REGISTRY" "$NAME" "$DIGEST" "$T/$1.pub" "$2"
}

@test "what cpush signs openssl and an independent reader confirm, under each of its tags" {
	public k
	expect 0 cpush -t 1.0 --sign-key "$T/k.key" "$T/one" "$REPO"
	equal "$out" "$REPO@$DIGEST"
	check k "$REPO:latest"
	check k "$REPO:1.0"
	key other
	public other
	! check other "$REPO:latest"
}

@test "--verify-key: signed, not signed, signed by somebody else" {
	public k
	key other
	public other
	expect 0 cpush "$T/one" "$REPO"
	expect 3 cpush --verify-key "$T/k.pub" "$REPO"
	message cpush "$NAME" 'it is not signed'
	expect 0 cpush --sign-key "$T/k.key" "$T/one" "$REPO"
	expect 0 cpush --verify-key "$T/k.pub" --digest-file "$T/digest" "$REPO"
	equal "$out" "$REPO@$DIGEST"
	equal "$(cat "$T/digest")" "$DIGEST"
	expect 0 cpush --verify-key "$T/k.pub" "$REPO@$DIGEST"
	expect 3 cpush --verify-key "$T/other.pub" "$REPO"
	message cpush 'none of its signatures was made with this key'
	expect 4 cpush --verify-key "$T/k.pub" "$REPO:absent"
}

@test "signing again writes nothing, and a second key's signature stands beside the first" {
	public k
	key other
	public other
	expect 0 cpush --sign-key "$T/k.key" "$T/one" "$REPO"
	before=$(requests "$E2E_DIR/registry" '(PUT|POST|PATCH)' "/v2/$NAME/")
	expect 0 cpush --sign-key "$T/k.key" "$T/one" "$REPO"
	equal "$(requests "$E2E_DIR/registry" '(PUT|POST|PATCH)' "/v2/$NAME/")" "$before"
	expect 0 cpush --sign-key "$T/other.key" "$T/one" "$REPO"
	check k "$REPO:latest"
	check other "$REPO:latest"
}

@test "a signature costs six requests and the look whether it is there" {
	expect 0 cpush "$T/one" "$REPO"
	before=$(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/")
	expect 0 cpush "$T/one" "$REPO"
	unchanged=$(($(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/") - before))
	before=$(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/")
	expect 0 cpush --sign-key "$T/k.key" "$T/one" "$REPO"
	equal "$(($(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/$NAME/") - before - unchanged))" 7
}

@test "keys with a passphrase, from a file or from COSIGN_PASSWORD, never in a message" {
	key p -aes-256-cbc -pass pass:canary-word
	public p -passin pass:canary-word
	expect 3 cpush --sign-key "$T/p.key" "$T/one" "$REPO"
	message cpush '--passphrase-file or COSIGN_PASSWORD is needed'
	equal "$(remote_digest "$REPO:latest" 2>/dev/null)" ''
	echo canary-wrong >"$T/word"
	expect 3 cpush -vv --sign-key "$T/p.key" --passphrase-file "$T/word" "$T/one" "$REPO"
	message cpush "the passphrase is not this key's"
	has_no "$out$err" canary
	echo canary-word >"$T/word"
	expect 0 cpush -vv --sign-key "$T/p.key" --passphrase-file "$T/word" "$T/one" "$REPO"
	has_no "$out$err" canary
	check p "$REPO:latest"
	COSIGN_PASSWORD=canary-word expect 0 cpush --sign-key "$T/p.key" "$T/one" "$REPO:2"
	check p "$REPO:2"
}

@test "a signature for another repository does not count here" {
	public k
	expect 0 cpush --sign-key "$T/k.key" "$T/one" "$REPO/other"
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REPO/other" "docker://$REPO"
	tag=${DIGEST/:/-}.sig
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REPO/other:$tag" "docker://$REPO:$tag"
	expect 3 cpush --verify-key "$T/k.pub" "$REPO"
	message cpush "this key has signed it as '$REPO/other:latest' only"
}

@test "skopeo carries our signature from one repository to another as it is" {
	expect 0 cpush --sign-key "$T/k.key" "$T/one" "$REPO"
	mkdir -p "$T/registries.d"
	printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n' "$E2E_REGISTRY" >"$T/registries.d/x.yaml"
	skopeo --registries.d "$T/registries.d" copy -q --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REPO" "docker://$REPO/copy"
	tag=${DIGEST/:/-}.sig
	raw() { skopeo inspect --raw --tls-verify=false "docker://$1:$tag" | jq -c .layers; }
	equal "$(raw "$REPO/copy")" "$(raw "$REPO")"
}

@test "what is no key, and what does not go together" {
	echo nothing >"$T/n.key"
	expect 2 cpush --sign-key "$T/n.key" "$T/one" "$REPO"
	message cpush n.key 'PRIVATE KEY'
	expect 2 cpush --verify-key "$T/n.key" "$REPO"
	message cpush n.key 'PUBLIC KEY'
	expect 4 cpush --sign-key "$T/absent.key" "$T/one" "$REPO"
	message cpush absent.key
	public k
	expect 2 cpush --verify-key "$T/k.pub" "$T/one" "$REPO"
	message cpush --verify-key SOURCE
	expect 2 cpush --verify-key "$T/k.pub" -t 1 "$REPO"
	message cpush --verify-key --tag
}
