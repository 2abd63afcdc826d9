# What a hostile registry, or a hostile name, must not get: a test for each rule, red without it. The rules about what a
# layer may do, S11 and S12, are in cbuild_hostile.bats, S13 (nobody sees a secret) is in cpush_login.bats, and every case
# here and in cpush_faults.bats looks for it, too.

load helper
load faults

setup_file() {
	faults_start
	faults_certs
	cases_run s15_mute
}

teardown_file() {
	faults_stop
}

# -- S1: the password goes to no token server that could be anybody -------------------------
realm() {
	over_https
	rules <<<"* ^/v2/ * sub WWW-Authenticate 'https://[^/]*' '$1'"
	push 3
	no_tag
	equal "$(count '*' . auth=Basic)" 0 'the password was sent'
}
case_s1_http() { realm http://token.test; }
case_s1_private() { realm https://10.1.2.3; }
case_s1_loopback() { realm https://127.0.0.1; }
case_s1_redirect() {
	EXPECTED_HOSTS='registry.test:443 token.test:443'
	over_https
	EXPECTED_HOSTS='registry.test:443 token.test:443'
	rules <<-'EOF2'
	* ^/v2/ * sub WWW-Authenticate 'https://[^/]*' 'https://token.test'
	GET //token.test * reply 307 'Location: https://blobs.test/token'
	GET //blobs.test * reply 200 'body={"token":"x"}'
	EOF2
	EXPECTED_HOSTS="$EXPECTED_HOSTS blobs.test:443"
	push 3
	equal "$(count GET . 'blobs.test.*auth=Basic')" 0 'the password went on'
}

@test "S1: a password is sent to no realm without TLS, no private one, and not on" {
	cases s1_http s1_private s1_loopback s1_redirect
}

# -- S2: credentials stay with scheme, host and port ------------------------------------------
case_s2_port() {
	another
	rules <<<"POST /uploads/ * sub Location '^http://[^/]*' 'http://$OTHER'"
	push 0
	served
	[ -s "$C/other/log" ] || fail 'nothing went there'
	! grep -v auth=none "$C/other/log" || fail 'credentials went there'
}
case_s2_redirect() {
	another
	push 0
	# who has not been challenged yet has nothing to give away
	rules <<<"HEAD /manifests/ * if:auth reply 307 'Location: http://$OTHER{target}'"
	push 0
	[ -s "$C/other/log" ] || fail 'nothing went there'
	! grep -v auth=none "$C/other/log" || fail 'credentials went there'
}
# a body that is sent on: 307 keeps the method, and nothing else
case_s2_body() {
	another
	rules <<<"PUT /blobs/uploads/ * reply 307 'Location: http://$OTHER{target}'"
	push 0
	served
	[ "$(grep -c '^PUT .* 201$' "$C/other/log")" -ge 2 ] || fail 'nothing went there'
	! grep -v auth=none "$C/other/log" || fail 'credentials went there'
}

@test "S2: another port of the same host gets no credentials" {
	cases s2_port s2_redirect s2_body
}

# -- S3, S4, S5 ---------------------------------------------------------------------------------
write_moved() {
	rules <<-EOF2
	PUT /uploads/ * reply $1 'Location: http://{self}/v2/'
	GET ^/v2/\$ * reply 200
	EOF2
	push 1
	no_tag
	equal "$(count '*' '^/v2/$')" 0 'it was followed'
}
case_s3_301() { write_moved 301; }
case_s3_302() { write_moved 302; }
case_s3_303() { write_moved 303; }
case_s4_location() {
	over_https
	rules <<<"POST /uploads/ * sub Location '^https://[^/]*' 'http://blobs.test'"
	push 3
	message cpush http://blobs.test
	no_tag
}
case_s4_redirect() {
	over_https
	push 0
	rules <<<"HEAD /manifests/ * reply 307 'Location: http://blobs.test{target}'"
	push 3
}
case_s5_location() {
	over_https
	rules <<<"POST /uploads/ * sub Location '^https://[^/]*' 'https://169.254.169.254'"
	push 3
	message cpush 169.254.169.254
	no_tag
}
case_s5_redirect() {
	over_https
	push 0
	rules <<<"HEAD /manifests/ * reply 307 'Location: https://192.168.7.7{target}'"
	push 3
	message cpush 192.168.7.7
}

@test "S3: a write that is redirected does not become something else" {
	cases s3_301 s3_302 s3_303
}

@test "S4: nothing goes from https to http on another host" {
	cases s4_location s4_redirect
}

@test "S5: a registry cannot send us to a private address" {
	cases s5_location s5_redirect
}

# -- S6: the addresses in a manifest are nobody's ------------------------------------------------
case_s6() {
	over_https
	blob "$LAYOUT" "$(digest_of "$LAYOUT")" |
		jq -c '.layers[0].urls = ["https://evil.test/layer", "http://evil.test/layer"]' >manifest
	"$E2E_BIN/cpush" -q "$LAYOUT" "$OPEN/$REPO_PATH:1" >/dev/null
	rules <<-EOF2
	GET,HEAD /manifests/ * if:auth reply 200 'Content-Type: application/vnd.oci.image.manifest.v1+json' file=$C/manifest
	GET /blobs/$(layer_of) * if:auth reply 404
	EOF2
	printf 'FROM %s\nRUN true\n' "$IMAGE" >Dockerfile
	mkdir context
	run_tool 4 cbuild -v -v -v "${OPTIONS[@]}" -f Dockerfile context
	[ "$(count GET "/blobs/$(layer_of)")" -ge 1 ] || fail 'the registry was not asked'
}

@test "S6: an address in a manifest is not visited, though the layer is not to be had" {
	cases s6
}

# -- S7, S8, S9: documents and digests; the pull rows have more ----------------------------------
from() {
	"$E2E_BIN/cpush" -q "$LAYOUT" "$OPEN/$REPO_PATH:1" >/dev/null
	rules <<<'GET,HEAD /manifests/ * drop Docker-Content-Digest'
	rules <<<"$1"
	printf 'FROM %s\nENV a=b\n' "$IMAGE" >Dockerfile
	mkdir context
	run_tool 1 cbuild -v -v -v -f Dockerfile context
}
case_s7_both() { from "GET /manifests/ * edit '\"layers\"' '\"manifests\":[],\"layers\"'"; }
case_s7_type() { from "GET /manifests/ * edit 'image.manifest.v1' 'image.index.v1'"; }
case_s7_keys() { from "GET /manifests/ * edit '\"layers\"' '\"schemaVersion\":2,\"layers\"'"; }
case_s8() {
	from "GET /manifests/ * edit '\"digest\":\"sha256:[0-9a-f]*\"' '\"digest\":\"sha256:../../../x\"'"
	equal "$(count '*' '[.][.]')" 0 'it was asked for'
}
# what is good in every way but one: it is not what was asked for
case_s9_config() {
	from "GET /blobs/ * edit '/bin/sh' '/bin/xx'"
	message cbuild 'its bytes have the digest'
}
case_s9_layer() {
	from "GET /blobs/ * edit '^\\x1f\\x8b\\x08\\x00\\x00' '\\x1f\\x8b\\x08\\x00\\x01'"
	message cbuild "$(layer_of)"
}
# seen while it comes, and not when all of it is on the disk
case_s9_more() {
	from "GET /blobs/ * tail more"
	message cbuild 'more than its'
}

@test "S7: a document that could be read in two ways is refused" {
	cases s7_both s7_type s7_keys
}

@test "S8, S9: digests are digests, and the bytes are theirs" {
	cases s8 s9_config s9_layer s9_more
}

# -- S10 -----------------------------------------------------------------------------------------
case_s10_token() {
	# a good token after 1 MiB of blanks
	rules <<<"GET ^/token * edit '^\\{' '{$(blanks 70000)'"
	push 1
	no_tag
}
# what is told of an answer is what comes within the limit
case_s10_error() {
	{ blanks 70000 && printf '{"errors":[{"code":"X","message":"a-word-far-away"}]}'; } >answer
	rules <<<"PUT /manifests/ * reply 400 'Content-Type: application/json' file=$C/answer"
	push 1
	! grep -q far-away stderr || fail 'all of it was kept'
}
case_s10_header() {
	rules <<<"POST /uploads/ * if:auth set 'X-Long: $(blanks 70000 | tr ' ' x)'"
	push 1
	no_tag
}
# a manifest that is good, and long: blanks in JSON say nothing
case_s10_manifest() {
	{ blob "$LAYOUT" "$(digest_of "$LAYOUT")" && blanks 9000000; } >manifest
	rules <<<"GET /manifests/ * reply 200 'Content-Type: application/vnd.oci.image.manifest.v1+json' file=$C/manifest"
	from "HEAD /manifests/ * status 405"
}
case_s10_config() {
	local config=$C/config digest
	digest=$(blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq -r .config.digest)
	{ blob "$LAYOUT" "$digest" && blanks 9000000; } >config
	blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq -c ".config.size = $(wc -c <config) | .config.digest = \"sha256:$(
		sha256sum <config | cut -d' ' -f1)\"" >manifest
	rules <<-EOF2
	GET /manifests/ * reply 200 'Content-Type: application/vnd.oci.image.manifest.v1+json' file=$C/manifest
	GET /blobs/sha256:$(sha256sum <config | cut -d' ' -f1) * reply 200 file=$config
	EOF2
	from "HEAD /manifests/ * status 405"
}
blanks() {
	head -c "$1" /dev/zero | tr '\0' ' '
}

@test "S10: tokens, errors, headers, manifests and configurations have a limit" {
	cases s10_token s10_error s10_header s10_manifest s10_config
}

# -- S14 -----------------------------------------------------------------------------------------
case_s14() {
	touch -d 2020-01-01 "$HOME/.docker/config.json"
	chmod 400 "$HOME/.docker/config.json"
	was=$(ls -lin --time-style=full-iso "$HOME/.docker/config.json")
	push 0
	served
	equal "$(ls -lin --time-style=full-iso "$HOME/.docker/config.json")" "$was"
	equal "$(ls -A "$HOME/.docker")" config.json
}

@test "S14: the file with the passwords is read, and never written" {
	cases s14
}

# -- S15, S16, S17, S18, S20 -----------------------------------------------------------------------
case_s15() {
	printf '#!/bin/sh\ntouch %s/ran\necho "{}"\n' "$C" >docker-credential-evil
	chmod 755 docker-credential-evil
	mkdir -p bin/x
	mv docker-credential-evil bin/
	mkdir bin/docker-credential-x
	printf '{"credHelpers":{"%s":"x/../../bin/docker-credential-evil"}}' "$HOST" >"$HOME/.docker/config.json"
	PATH=$C/bin:$PATH
	run_tool 2 cpush --retries 0 "$LAYOUT" "$IMAGE"
	[ ! -e ran ] || fail 'it ran'
}
# a helper that is asked, and thinks about it for too long
case_s15_mute() {
	cat >docker-credential-mute <<-EOF2
	#!/usr/bin/env -S python3 -IS
	import os, time
	open("$C/helper", "w").write(str(os.getpid()))
	time.sleep(40)
	print('{"Username": "$CANARY_USER", "Secret": "$CANARY_PASSWORD"}')
	EOF2
	mkdir bin
	chmod 755 docker-credential-mute
	mv docker-credential-mute bin/
	printf '{"credsStore":"mute"}' >"$HOME/.docker/config.json"
	PATH=$C/bin:$PATH
	run_tool 3 cpush --retries 0 "$LAYOUT" "$IMAGE"
	has "$err" docker-credential-mute
	! kill -0 "$(cat helper)" 2>/dev/null || fail 'it is still there'
}
case_s16() {
	# reading is open to all: a wrong password must not be taken for none
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$HOST" "$(printf '%s' "$CANARY_USER:wrong" | base64 -w0)" \
		>"$HOME/.docker/config.json"
	"$E2E_BIN/cpush" -q "$LAYOUT" "$OPEN/$REPO_PATH:1" >/dev/null
	printf 'FROM %s\nENV a=b\n' "$IMAGE" >Dockerfile
	mkdir context
	run_tool 3 cbuild -v -v -v -f Dockerfile context
	equal "$(count '*' ^/token auth=none)" 0 'asked as nobody'
}
case_s17() {
	# no check of the certificate is not no TLS
	proxy_stop "$C/proxy"
	proxy_start "$C/proxy" "$UPSTREAM" "route=/token=$TOKENS"
	PROXY=$REPLY
	HOST=registry.test:8443 IMAGE=registry.test:8443/$REPO_PATH:1
	EXPECTED_HOSTS=registry.test:8443
	export https_proxy=http://$PROXY http_proxy=http://$PROXY no_proxy=
	login "$HOST"
	RETRIES=0 push 5 --insecure
	equal "$(count '*' ^/v2/)" 0 'asked by http'
}
case_s18() {
	rules <<<"PUT /manifests/ * reply 400 'Content-Type: application/json' 'body={\"errors\":[{\"code\":\"X\",\"message\":\"a\\\\u001b[31mb\\\\u009bc\"}]}'"
	push 1
	! LC_ALL=C grep -q "$(printf '\033')" stderr || fail 'an escape'
	! LC_ALL=C grep -q "$(printf '\302\233')" stderr || fail 'an escape of eight bits'
}
case_s20() {
	local name
	for name in $'a\r\nX-Evil: 1' 'a b' 'a%0d%0a' '../a' 'a?x=y'; do
		run_tool 2 cpush --retries 0 "$LAYOUT" "$HOST/$name:1"
	done
	run_tool 2 cpush --retries 0 -t $'1\r\nX-Evil: 1' "$LAYOUT" "$IMAGE"
	equal "$(count '*' .)" 0 'requests'
}

@test "S15: the name of a credential helper is a name, and it has ten seconds" {
	cases s15 s15_mute
}

@test "S16: a wrong password is not taken for none" {
	cases s16
}

@test "S17: --insecure is no leave for http" {
	cases s17
}

# -- S19 -------------------------------------------------------------------------------------------
# moved RULE COMMAND...: what the rule concerns waits until the tag has become another image's.
moved() {
	layered "$C/other-image" 20
	"$E2E_BIN/cpush" -q "$LAYOUT" "$OPEN/$REPO_PATH:1" >/dev/null
	rules <<<"$1 until $C/go"
	shift
	("$@" >stdout 2>stderr </dev/null 3>&-) &
	working=$!
	until_true test -e go.here
	"$E2E_BIN/cpush" -q "$C/other-image" "$OPEN/$REPO_PATH:1" >/dev/null
	touch go
	wait "$working"
}
case_s19_from() {
	printf 'FROM %s\nENV a=b\n' "$IMAGE" >Dockerfile
	mkdir context
	moved 'GET /manifests/ *' cbuild -q -f Dockerfile context
	equal "$(blob "$C/root/store" "$(digest_of "$C/root/store")" | jq -r '.layers[0].digest')" "$(layer_of)" 'its layer'
}
case_s19_copy() {
	moved 'POST /uploads/ *' cpush -q "docker://$IMAGE" "$HOST/$REPO_PATH-copy:1"
	REPO_PATH+=-copy served
}

@test "S18: a server's words cannot steer the terminal" {
	cases s18
}

@test "S19: a tag is resolved once: what it becomes meanwhile is not mixed in" {
	cases s19_from s19_copy
}

@test "S20: names with line ends or blanks are refused before anything is asked" {
	cases s20
}
