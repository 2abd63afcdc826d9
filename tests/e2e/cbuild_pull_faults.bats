# FROM through a proxy that breaks things: what comes right again, what fails and how.

load helper
load faults

setup_file() {
	faults_start
	faults_certs
	cases_run
}

teardown_file() {
	faults_stop
}

# What is in the registry before the case begins: the layout's image.
there() {
	"$E2E_BIN/cpush" -q "$LAYOUT" "$OPEN/$REPO_PATH:1" >/dev/null
}

# pull STATUS [REFERENCE]: the image as a base.
pull() {
	printf 'FROM %s\nENV a=b\n' "${2-$IMAGE}" >Dockerfile
	mkdir -p context
	run_tool "$1" cbuild -v -v -v "${OPTIONS[@]}" -f Dockerfile context
	[ "$1" -ne 0 ] || pulled
	nothing_in_tmp "$C/root"
}

# The layer is in the store, byte for byte.
pulled() {
	local layer
	layer=$(layer_of)
	equal "$(blob "$C/root/store" "$layer" | sha256sum | cut -d' ' -f1)" "${layer#sha256:}" 'the layer'
}

broken() {
	there
	rules
	pull "$@"
}
blob_path() {
	echo "/blobs/$(layer_of)"
}

# -- 25: blobs ---------------------------------------------------------------------
# resent STATUS: how many bytes of the layer the registry itself has sent with that answer.
resent() {
	sed -nE "s,.*\"GET /v2/$REPO_PATH$(blob_path) HTTP/1\.1\" $1 ([0-9]+) .*,\1,p" "$FAULTS/registry/log"
}
case_25_short() {
	local size again
	size=$(blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq '.layers[0].size')
	broken 0 <<<"GET $(blob_path) 1 cut-answer 100000"
	again=$(resent 206)
	# a reset may overtake some of the first answer
	[ "$again" -ge $((size - 100000)) ] && [ "$again" -lt "$size" ] || fail "$again bytes of $size sent again"
	equal "$(count GET "$(blob_path)" ' 206$')" 1
}
case_25_none() { broken 0 <<<"GET $(blob_path) 1 cut-answer 0"; }
case_25_longer() {
	broken 1 <<<"GET $(blob_path) * tail more"
	message cbuild "$(layer_of)"
}
case_25_longer_once() { broken 0 <<<"GET $(blob_path) 1 tail more"; }
case_25_wrong() {
	broken 1 <<<"GET $(blob_path) * edit '^.' X"
	message cbuild "$(layer_of)"
	[ "$(count GET "$(blob_path)")" -le 2 ] || fail 'asked again and again'
}
case_25_range() {
	broken 0 <<-EOF2
	GET $(blob_path) 1 cut-answer 100000
	GET $(blob_path) 2 if:Range~bytes set 'Content-Range: bytes 5-9/10'
	EOF2
}
case_25_whole() {
	broken 0 <<-EOF2
	GET $(blob_path) 1 cut-answer 100000
	GET $(blob_path) 2 forget Range
	EOF2
}
case_25_loop() {
	broken 1 <<<"GET $(blob_path) * reply 307 'Location: http://{self}{target}'"
	message cbuild redirected
	[ "$(count GET "$(blob_path)")" -le 12 ] || fail 'followed for ever'
}
case_25_http() {
	over_https
	broken 3 <<<"GET $(blob_path) * reply 307 'Location: http://blobs.test{target}'"
	message cbuild http://blobs.test
}
case_25_https() {
	over_https
	EXPECTED_HOSTS='registry.test:443 blobs.test:443'
	broken 4 <<-EOF2
	GET //registry.test.*$(blob_path) * reply 307 'Location: https://blobs.test{target}'
	GET //blobs.test * if:auth reply 400
	GET //blobs.test * if:anonymous reply 404
	EOF2
	equal "$(count GET "$(blob_path)" 'blobs.test.* 400$')" 0 'credentials went to the other host'
	[ "$(count GET "$(blob_path)" 'blobs.test.* 404$')" -ge 1 ] || fail 'not followed'
}
case_25_elsewhere() {
	another
	printf '* . * if:auth reply 400\n' >"$C/other/rules"
	broken 0 <<<"GET $(blob_path) * reply 307 'Location: http://$OTHER{target}'"
	! grep -v auth=none "$C/other/log" || fail 'credentials went there'
}

@test "25: a blob is cut short, too long, wrong, or lies elsewhere" {
	cases 25_short 25_none 25_longer 25_longer_once 25_wrong 25_range 25_whole 25_loop 25_http 25_elsewhere 25_https
}

# -- 26: manifests --------------------------------------------------------------------
wrong_manifest() {
	there
	rules <<<'GET,HEAD /manifests/ * drop Docker-Content-Digest'
	rules <<<"GET /manifests/ * $1"
	pull "$2"
}
case_26_type() {
	wrong_manifest "set 'Content-Type: application/vnd.oci.image.index.v1+json'" 1
	message cbuild index
}
case_26_both() {
	wrong_manifest "edit '\"layers\"' '\"manifests\":[],\"layers\"'" 1
	message cbuild manifests layers
}
case_26_schema1() {
	wrong_manifest "reply 200 'Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws' \
		'body={\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"1\",\"fsLayers\":[],\"history\":[]}'" 1
}
case_26_huge() {
	wrong_manifest "reply 200 'Content-Type: application/vnd.oci.image.manifest.v1+json' size=9437184" 1
}
case_26_no_digest() {
	wrong_manifest 'set "X-Nothing: x"' 0
}
case_26_pinned() {
	there
	rules <<<"GET /manifests/ * edit schemaVersion 'schemaVersion '"
	pull 1 "$HOST/$REPO_PATH@$(digest_of "$LAYOUT")"
	message cbuild "$(digest_of "$LAYOUT")"
}
# what the tag leads to is asked for by that digest, which is not there
case_26_header() {
	there
	rules <<<"GET,HEAD /manifests/ * set 'Docker-Content-Digest: sha256:$(printf '%064d' 7)'"
	pull 4
}
case_26_twice() {
	wrong_manifest "edit '\"layers\"' '\"config\":{},\"layers\"'" 1
	message cbuild config
}
case_26_traversal() {
	wrong_manifest "edit 'sha256:[0-9a-f]*' 'sha256:../../../../etc/passwd'" 1
}
case_26_config() {
	there
	rules <<<"GET /blobs/$(blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq -r .config.digest) * edit amd64 arm64"
	pull 1
}

@test "26: a manifest of the wrong type, ambiguous, obsolete, huge, of another digest" {
	cases 26_type 26_both 26_schema1 26_huge 26_no_digest 26_pinned 26_twice 26_traversal 26_config 26_header
}

# -- a layer is unpacked while it comes ------------------------------------------------
# large_there: a base of which RUN needs the files; what it runs comes first in its one layer.
large_there() {
	LAYOUT=$C/large
	mkdir -p context large-tree/bin
	cp /bin/busybox large-tree/bin/
	head -c 3000000 /dev/urandom >large-tree/file
	sh "$E2E_SERVERS/pack" large-tree "$LAYOUT" 1
	there
}
# The build that needs it, until some of the layer is unpacked: it waits for a file go, by one of the rules.
start_pull() {
	printf 'FROM %s\nRUN ["/bin/busybox", "true"]\n' "$IMAGE" >Dockerfile
	cbuild -q -f Dockerfile context >stdout 2>stderr </dev/null 3>&- &
	building=$!
	until_true unpacked
	nothing_of_it
}
# begin_pull [WHEN]: the layer stops before its last bytes. What answers at WHEN is the same layer in another gzip.
begin_pull() {
	large_there
	rules <<<"GET $(blob_path) * pause all-1000 $C/go"
	[ -z "${1-}" ] || rules <<<"GET $(blob_path) $1 edit '^\\x1f\\x8b\\x08\\x00\\x00' '\\x1f\\x8b\\x08\\x00\\x01'"
	start_pull
}
# begin_broken [RULE]: it stops amid a file, and when it goes on, the connection breaks soon. RULE (WHEN ACTION) is about
# what is asked for then.
begin_broken() {
	large_there
	local size
	size=$(blob "$LAYOUT" "$(layer_of)" | wc -c)
	rules <<-EOF2
	GET $(blob_path) 1 pause all-1500000 $C/go
	GET $(blob_path) 1 cut-answer $((size - 700000))
	EOF2
	[ -z "${1-}" ] || rules <<<"GET $(blob_path) $1"
	start_pull
}
unpacked() {
	compgen -G "$C/root/tmp/*/tree-*/bin/busybox" >/dev/null
}
nothing_of_it() {
	equal "$(ls "$C/root/cache/trees")" '' 'unpacked bases'
	[ ! -e "$(kept)" ] || fail 'the layer is there'
}
kept() {
	echo "$C/root/cache/blobs/blobs/sha256/$(layer_of | cut -d: -f2)"
}
# goes_on STATUS
goes_on() {
	local got=0
	touch go
	wait "$building" || got=$?
	equal "$got" "$1" 'its status'
}
all_of_it() {
	equal "$(sha256sum <"$(kept)")" "$(blob "$LAYOUT" "$(layer_of)" | sha256sum)" 'the layer'
	cmp large-tree/file "$C"/root/cache/trees/*/file
	cmp large-tree/bin/busybox "$C"/root/cache/trees/*/bin/busybox
	equal "$(ls "$C/root/tmp")" '' 'workspaces'
}
case_coming() {
	begin_pull
	goes_on 0
	all_of_it
}
case_coming_wrong() {
	begin_pull '*'
	goes_on 1
	has "$(cat stderr)" "$(layer_of)"
	nothing_of_it
	equal "$(ls "$C/root/tmp")" '' 'workspaces'
}
case_coming_wrong_once() {
	begin_pull 1
	goes_on 0
	all_of_it
	equal "$(count GET "$(blob_path)")" 2
}
case_coming_killed() {
	begin_pull
	kill -KILL "$building"
	wait "$building" || :
	nothing_of_it
	touch go
	run_tool 0 cbuild -f Dockerfile context
	all_of_it
}

# the rest comes, and is put behind what is unpacked by then
case_coming_broken() {
	begin_broken
	goes_on 0
	all_of_it
	equal "$(count GET "$(blob_path)" ' 206$')" 1
	equal "$(count GET "$(blob_path)")" 2
}
# the server knows no Range: all of it comes again
case_coming_broken_whole() {
	begin_broken '2 forget Range'
	goes_on 0
	all_of_it
	equal "$(count GET "$(blob_path)")" 2
}
# the rest is another blob's: all of it once more, from its first byte
case_coming_broken_wrong_once() {
	begin_broken "2 edit '^[\\x00-\\xff]{8}' XXXXXXXX"
	goes_on 0
	all_of_it
	equal "$(count GET "$(blob_path)")" 3
}
case_coming_broken_wrong() {
	begin_broken "2- edit '^[\\x00-\\xff]{8}' XXXXXXXX"
	goes_on 1
	equal "$(grep -c '^cbuild: ' stderr)" 1
	has "$(cat stderr)" "$(layer_of)"
	nothing_of_it
	equal "$(ls "$C/root/tmp")" '' 'workspaces'
	equal "$(count GET "$(blob_path)")" 3
}
# the registry is gone from then on, or is there again a moment later
case_coming_gone() {
	begin_pull
	proxy_stop "$C/proxy"
	goes_on 5
	equal "$(grep -c '^cbuild: ' stderr)" 1
	nothing_of_it
	equal "$(ls "$C/root/tmp")" '' 'workspaces'
}
case_coming_back() {
	begin_pull
	: >"$C/proxy/rules"
	proxy_stop "$C/proxy"
	proxy_start "$C/proxy" "$UPSTREAM" "route=/token=$TOKENS"
	goes_on 0
	all_of_it
	equal "$(count GET "$(blob_path)" ' 206$')" 1
}

@test "a base is unpacked while its layer comes, and counts when the last byte is right" {
	cases coming coming_wrong coming_wrong_once coming_killed
}

@test "what is unpacked by then stays when the connection breaks, unless the rest is another blob's" {
	cases coming_broken coming_broken_whole coming_broken_wrong_once coming_broken_wrong
}

@test "a registry that goes away while a layer is unpacked: nothing of it is left, or the rest comes later" {
	cases coming_gone coming_back
}

# -- trouble on the way, as for a push --------------------------------------------------
case_manifest_500() { broken 0 <<<'GET,HEAD /manifests/ 1 reply 503'; }
case_token_500() { broken 0 <<<'GET ^/token 1 reply 500'; }
case_token_refused() {
	there
	rules <<<"* ^/v2/ * reply 401 'WWW-Authenticate: Bearer realm=\"http://{self}/token\",service=\"test-registry\",scope=\"x\"'"
	pull 3
	[ "$(count '*' ^/token)" -le 2 ] || fail 'too many tokens'
}
case_missing() {
	pull 4
	message cbuild "$REPO_PATH"
}

@test "a registry in trouble, one that lets nobody in, and one without the image" {
	cases manifest_500 token_500 token_refused missing
}
