# Pushes through a proxy that breaks things: what comes right again, what fails and how, and that in no case a
# secret gets out. Each test is a row of faults. Rows 25 and 26 are about pulls (cbuild_pull_faults.bats); 27, lists of tags,
# is nobody's, since no tool asks for one.

load helper
load faults

setup_file() {
	faults_start
	faults_certs
	"$E2E_SERVERS/shape" "$FAULTS/large" 12582912
	cases_run 28_stalled 35_many 15_500_always
}

teardown_file() {
	faults_stop
}

# -- 1: the connection breaks while the body is sent ------------------------------
broken_after() {
	rules <<<"PUT /blobs/uploads/ 1 if:body>1000 cut-request $*"
	push 0
	served
	# the layer again and from its beginning, nothing else
	[ "$(count PUT /blobs/uploads/)" -le 4 ] || fail 'sent too often'
	equal "$(count PUT "digest=sha256(:|%3A)${config#sha256:}")" 1 'the config'
	equal "$(count PUT /manifests/)" 1 'manifests'
}
config_of() {
	blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq -r .config.digest
}
case_1_none() { config=$(config_of) && broken_after 0; }
case_1_one() { config=$(config_of) && broken_after 1; }
case_1_half() { config=$(config_of) && broken_after half; }
case_1_all() { config=$(config_of) && broken_after all-1; }
case_1_fin() { config=$(config_of) && broken_after half fin; }

@test "1: the connection breaks after none, one, half or nearly all bytes of a layer" {
	cases 1_none 1_one 1_half 1_all 1_fin
}

# -- 2 --------------------------------------------------------------------------
case_2() {
	rules <<<'PUT /blobs/uploads/ 1 if:body>1000 swallow'
	push 0
	served
	[ "$(count PUT /blobs/uploads/ 'body=30')" -le 2 ] || fail 'the layer is there already'
}
case_2_before() {
	rules <<<'PUT /blobs/uploads/ 1 if:body>1000 cut-request all'
	push 0
	served
}

@test "2: the connection breaks after the body, before the answer" {
	cases 2 2_before
}

# -- 3 --------------------------------------------------------------------------
case_3() {
	rules <<<'PUT /blobs/uploads/ 1 if:body>1000 early 1000 500 body=full'
	push 0
	served
}
case_3_always() {
	# a body that had all gone when the answer came has another way to go
	rules <<-'EOF2'
	PUT /blobs/uploads/ * if:body>1000 early 0 500 body=full
	PATCH /blobs/uploads/ * if:body>1000 early 0 500 body=full
	EOF2
	RETRIES=1 push 5
	message cpush 500
	no_tag
}

@test "3: an answer comes before the body is sent, and the connection ends" {
	cases 3 3_always
}

# -- 4: trouble in every step --------------------------------------------------------
step() {
	case $1 in
	look) echo 'HEAD /manifests/' ;;
	token) echo 'GET ^/token' ;;
	begin) echo 'POST /blobs/uploads/' ;;
	blob) echo 'PUT /blobs/uploads/' ;;
	manifest) echo 'PUT /manifests/' ;;
	esac
}
# What is looked for first is only looked for when the rest is there already.
before() {
	[ "$1" != look ] || push 0
}
twice() {
	before "$1"
	rules <<-EOF2
	$(step "$1") 1 reply $2 body=wait
	$(step "$1") 2 reply $3
	EOF2
	push 0
	served
	has "$err" "$2"
	has "$err" retrying
}
always() {
	before "$1"
	rules <<<"$(step "$1") * reply 503 'body=down for repair\nsecond line'"
	RETRIES=1 push 5
	message cpush 503
	[ "$1" = look ] || message cpush 'down for repair' # a HEAD has no body
	has "$err" retrying
	[ "$1" = look ] || no_tag
	# two tries, for each of two blobs at most, whose bodies may have had another way to go
	[ "$(grep -c ' 503$' "$C/proxy/log")" -le 6 ] || fail 'more tries than two'
}
case_4_look() { twice look 500 502; }
case_4_token() { twice token 503 504; }
case_4_begin() { twice begin 522 500; }
case_4_blob() { twice blob 502 503; }
case_4_manifest() { twice manifest 504 522; }
case_4_look_always() { always look; }
case_4_token_always() { always token; }
case_4_begin_always() { always begin; }
case_4_blob_always() { always blob; }
case_4_manifest_always() { always manifest; }

@test "4: a server in trouble, in each step, once, twice and always" {
	cases 4_look 4_token 4_begin 4_blob 4_manifest \
		4_look_always 4_token_always 4_begin_always 4_blob_always 4_manifest_always
}

# -- 5: too many requests ----------------------------------------------------------
case_5_seconds() {
	rules <<<"POST /uploads/ 1 reply 429 'Retry-After: 1'"
	push 0
	served
	has "$err" 'retrying in 1 s'
}
case_5_date() {
	rules <<<"PUT /manifests/ 1 reply 429 'Retry-After: $(LC_ALL=C date -u -d '+2 seconds' '+%a, %d %b %Y %H:%M:%S GMT')'"
	push 0
	served
}
case_5_absent() {
	rules <<<'POST /uploads/ 1 reply 429'
	push 0
	served
}
case_5_absurd() {
	rules <<<"POST /uploads/ * reply 429 'Retry-After: 86400'"
	push 5
	message cpush 429 86400
	[ "$(count POST /uploads/ ' 429$')" -le 4 ] || fail 'too many'
}
case_5_plain() {
	rules <<<"PUT /manifests/ 1 raw 'HTTP/1.1 429 Slow\\nRetry-After: 1\\nContent-Type: text/plain\\n\\nslow down\\n'"
	push 0
	served
}

@test "5: 429 with a pause in seconds, as a date, absurd or none, and in a hub's plain text" {
	cases 5_seconds 5_date 5_absent 5_absurd 5_plain
}

# -- 6, 7, 8: tokens -----------------------------------------------------------------
refused_token() {
	echo "reply 401 'WWW-Authenticate: Bearer realm=\"http://{self}/token\",service=\"test-registry\"," \
		"scope=\"repository:$REPO_PATH:pull,push\",error=\"$1\"'"
}
case_6_midway() {
	rules <<<"POST /uploads/ 1 $(refused_token invalid_token)"
	push 0
	served
	[ "$(count '*' ^/token)" -le 3 ] || fail 'too many tokens'
}
case_6_manifest() {
	rules <<<"PUT /manifests/ 1 $(refused_token invalid_token)"
	push 0
	served
	[ "$(count '*' ^/token)" -le 3 ] || fail 'too many tokens'
}
case_6_server() {
	rules <<<'GET ^/token 1 reply 500'
	push 0
	served
}
case_6_short() {
	rules <<<"GET ^/token * edit '\"expires_in\": 300' '\"expires_in\": 1'"
	push 0
	served
	[ "$(count '*' ^/token)" -le 8 ] || fail 'too many tokens'
}
case_7() {
	rules <<<"PUT /uploads/ 1 if:body>1000 $(refused_token invalid_token)"
	push 0
	served
	equal "$(count PUT /uploads/ 'body=30')" 2 'the layer'
}
case_8() {
	rules <<<"* ^/v2/ * $(refused_token insufficient_scope)"
	push 3
	message cpush "$HOST"
	[ "$(count '*' ^/token)" -le 2 ] || fail 'too many tokens'
	no_tag
}
case_8_push() {
	rules <<<"POST /uploads/ * $(refused_token insufficient_scope)"
	push 3
	[ "$(count '*' ^/token)" -le 3 ] || fail 'too many tokens'
	no_tag
}

@test "6: a token is refused in the middle, its server fails once, it lives for a second" {
	cases 6_midway 6_manifest 6_server 6_short
}

@test "7: a token is refused after the whole body" {
	cases 7
}

@test "8: no token is ever enough" {
	cases 8 8_push
}

# -- 9: challenges ------------------------------------------------------------------
bearer() {
	echo "Bearer realm=\"http://{self}/token\",service=\"test-registry\""
}
challenged() {
	rules <<<"* ^/v2/ * if:anonymous reply 401 $*"
}
case_9_none() {
	challenged
	push 3
	no_tag
}
case_9_two_headers() {
	challenged "'WWW-Authenticate: Basic realm=\"x\"' 'WWW-Authenticate: $(bearer)'"
	push 0
	served
}
case_9_one_header() {
	challenged "'WWW-Authenticate: Negotiate, Basic realm=\"a, b\", $(bearer)'"
	push 0
	served
}
case_9_unknown() {
	challenged "'WWW-Authenticate: Negotiate abc=='"
	push 3
	no_tag
	equal "$(count '*' . 'auth=(Basic|Bearer)')" 0 'credentials were sent'
}
case_9_unquoted() {
	challenged "'www-authenticate: bearer  service=test-registry , realm=\"http://{self}/token\"'"
	push 0
	served
}
case_9_long() {
	challenged "'WWW-Authenticate: $(bearer),x=\"$(head -c 8000 /dev/zero | tr '\0' a)\"'"
	push 0
	served
}

@test "9: challenges: none, several, unknown, sloppy and long ones" {
	cases 9_none 9_two_headers 9_one_header 9_unknown 9_unquoted 9_long
}

# -- 10: what token servers answer ------------------------------------------------------
token_key() {
	rules <<<"GET ^/token * edit '\"token\"' '\"$1\"'"
}
case_10_access_token() {
	token_key access_token
	push 0
	served
}
case_10_both() {
	rules <<<"GET ^/token * edit '^\\{' '{\"access_token\": \"wrong\", '"
	push 0
	served
}
case_10_neither() {
	token_key nothing
	push 1
	no_tag
}
case_10_no_expiry() {
	rules <<<"GET ^/token * edit ', \"expires_in\": 300' ''"
	push 0
	served
}
case_10_html() {
	rules <<<"GET ^/token * reply 200 'Content-Type: text/html' 'body=<html>Log in here</html>'"
	push 1
	no_tag
}
case_10_huge() {
	rules <<<"GET ^/token * reply 200 size=1048576"
	push 1
	no_tag
}

@test "10: answers of token servers, good and useless" {
	cases 10_access_token 10_both 10_neither 10_no_expiry 10_html 10_huge
}

# -- 11: where passwords are asked for --------------------------------------------------
realm() {
	rules <<<"* ^/v2/ * sub WWW-Authenticate 'https://[^/]*' '$1'"
	push "$2"
	no_tag
	equal "$(count '*' . auth=Basic)" 0 'the password was sent'
}
case_11_http() {
	over_https
	realm http://token.test 3
	message cpush http://token.test
}
case_11_same_http() {
	over_https
	# a registry that does not know of its own TLS: the password travels under it nevertheless
	rules <<<"* ^/v2/ * sub WWW-Authenticate 'https://[^/]*' 'http://registry.test'"
	push 0
	served
}
case_11_metadata() {
	over_https
	realm https://169.254.169.254 3
	message cpush 169.254.169.254
}
case_11_redirect() {
	over_https
	EXPECTED_HOSTS='registry.test:443 token.test:443'
	rules <<-'EOF2'
	* ^/v2/ * sub WWW-Authenticate 'https://[^/]*' 'https://token.test'
	GET //token.test * reply 302 'Location: http://evil.test/token'
	EOF2
	push 3
	no_tag
}
case_11_redirect_other() {
	over_https
	# it is asked for an anonymous token, if its certificate is good
	EXPECTED_HOSTS='registry.test:443 token.test:443 evil.test:443'
	rules <<-'EOF2'
	* ^/v2/ * sub WWW-Authenticate 'https://[^/]*' 'https://token.test'
	GET //token.test * reply 307 'Location: https://evil.test/token'
	EOF2
	push 3
	no_tag
	! grep 'evil.test' proxy/log | grep -q 'auth=[^n]' || fail 'a password went there'
}

@test "11: a realm without TLS, on a private address, or one that sends us elsewhere" {
	cases 11_http 11_same_http 11_metadata 11_redirect 11_redirect_other
}

# -- 12: Location of an upload -----------------------------------------------------------
case_12_path() {
	rules <<<"POST /uploads/ * sub Location '^http://[^/]*' ''"
	push 0
	served
}
case_12_query() {
	rules <<-'EOF2'
	POST /uploads/ * set 'Location: ?upload=1'
	PUT /uploads/[?]upload=1&digest=sha256 * reply 201
	PUT /manifests/ * reply 201
	EOF2
	push 0
	equal "$(count PUT 'uploads/[?]upload=1&digest=')" 2
}
case_12_scheme() {
	over_https
	rules <<<'POST /uploads/ * sub Location ^https: http:'
	push 0
	served
}
elsewhere() {
	another
	rules <<<"POST /uploads/ * sub Location '^http://[^/]*' 'http://$1$OTHER'"
	push 0
	served
	[ -s "$C/other/log" ] || fail 'nothing went there'
	! grep -v auth=none "$C/other/log" || fail 'credentials went there'
}
case_12_other_port() { elsewhere ''; }
case_12_other_host() {
	another
	rules <<<"POST /uploads/ * sub Location '^http://[^/]*' 'http://localhost:${OTHER#*:}'"
	push 0
	served
	! grep -v auth=none "$C/other/log" || fail 'credentials went there'
}
case_12_userinfo() {
	rules <<<"POST /uploads/ * sub Location '^http://' 'http://someone:secret@'"
	push 1
	no_tag
	has_no "$err" someone:secret
}
case_12_missing() {
	rules <<<'POST /uploads/ * drop Location'
	RETRIES=1 push 5
	no_tag
}
case_12_long() {
	rules <<<"POST /uploads/ * sub Location \$ '\\&x=$(head -c 9000 /dev/zero | tr '\0' a)'"
	push 0
	served
}

@test "12: Location: relative, another scheme, port and host, with a user, missing, long" {
	cases 12_path 12_query 12_scheme 12_other_port 12_other_host 12_userinfo 12_missing 12_long
}

# -- 13, 14: odd answers to POST and PUT -----------------------------------------------------
case_13_200() {
	rules <<<"POST /uploads/ 1 reply 200 'body=Healthcheck requested'"
	push 0
	served
}
case_13_201() {
	rules <<<'POST mount= * reply 201'
	push 0
	served
}
case_13_204() {
	rules <<<'POST /uploads/ 1 reply 204'
	push 0
	served
}
case_13_301() {
	rules <<<"POST /uploads/ * reply 301 'Location: http://{self}{path}'"
	push 1
	message cpush 301
	no_tag
	equal "$(count GET /uploads/)" 0
}
case_13_307() {
	rules <<<"POST /uploads/ 1-2 reply 307 'Location: http://{self}{target}'"
	push 0
	served
}
answered_put() {
	rules <<<"PUT /uploads/ * status $1"
	push "$2"
}
case_14_200() { answered_put 200 0 && served; }
case_14_204() { answered_put 204 0 && served; }
case_14_204_nothing() {
	rules <<<'PUT /uploads/ * reply 204'
	push 1
	no_tag
}
# it is looked for, and the registry behind has it
case_14_202() { answered_put 202 0 && served; }
case_14_301() {
	rules <<-'EOF2'
	PUT /uploads/ * reply 301 'Location: http://{self}/v2/'
	GET . * reply 200
	EOF2
	push 1
	no_tag
	equal "$(count GET /v2/)" 0
}

@test "13: POST is answered 200, 201, 204, 301, 307" {
	cases 13_200 13_201 13_204 13_301 13_307
}

@test "14: PUT is answered 200, 204, 202, 301" {
	cases 14_200 14_204 14_204_nothing 14_202 14_301
}

# -- 15, 16: mounts and looks are refused ----------------------------------------------------
mount_refused() {
	rules <<<"POST mount= $2 reply $1"
	push 0
	served
	[ "$(count '*' .)" -le 14 ] || fail 'too many requests'
}
case_15_400() { mount_refused 400 '*'; }
case_15_401() { mount_refused 401 '*'; }
case_15_403() { mount_refused 403 '*'; }
case_15_404() { mount_refused 404 '*'; }
case_15_405() { mount_refused 405 '*'; }
case_15_500() { mount_refused 500 1; }
case_15_500_always() { mount_refused 500 '*'; }
case_15_202() {
	rules <<<'POST mount= * query'
	push 0
	served
}
look_refused() {
	rules <<<'POST mount= * reply 405'
	rules <<<"$*"
	push 0
	served
}
case_16_403() { look_refused 'HEAD . * if:auth reply 403'; }
case_16_405() { look_refused 'HEAD . * if:auth reply 405'; }
case_16_500() { look_refused 'HEAD /blobs/ 1 reply 500'; }
case_16_length() { look_refused "HEAD /blobs/ * reply 200 'Content-Length: 5'"; }

@test "15: a mount is refused or does nothing" {
	cases 15_400 15_401 15_403 15_404 15_405 15_500 15_202 15_500_always
}

@test "16: looking for a blob or a tag is refused, or tells of another length" {
	cases 16_403 16_405 16_500 16_length
}

# -- 17 to 20: the ladder -----------------------------------------------------------------
unknown_upload() {
	echo "reply 404 'Content-Type: application/json' 'body={\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}'"
}
case_17() {
	rules <<<"PUT /uploads/ * if:body>0 $(unknown_upload)"
	push 0
	served
	# learned once, by each of the lanes at most
	[ "$(count PUT /uploads/ ' 404$')" -le 2 ] || fail 'not learned'
	[ "$(count PATCH /uploads/)" -ge 2 ] || fail 'no PATCH'
}
# what is worth waiting for does not go the wrong way after the config did
case_17_large() {
	LAYOUT=$FAULTS/large
	rules <<<"PUT /uploads/ * if:body>0 $(unknown_upload)"
	push 0
	served
	equal "$(count PUT /uploads/ ' 404$')" 1 'refused'
}

@test "17: a whole PUT is unknown there, and PATCH is not" {
	cases 17 17_large
}

nginx() {
	LAYOUT=$FAULTS/large
	rules <<<"PUT,PATCH /uploads/ * if:body>$1 early 0 413 'Content-Type: text/html' 'body=<html>413 Request Entity Too Large</html>'"
	push 0
	served
	[ "$(count PUT,PATCH /uploads/ ' 413$')" -le 4 ] || fail 'not learned'
}
case_18_4() { nginx 4194304; }
case_18_10() { nginx 10485760; }

@test "18: a proxy takes no body above 4 MiB, above 10 MiB" {
	cases 18_4 18_10
}

chunked() {
	LAYOUT=$FAULTS/large
	rules
	push 0 --chunk-size "${CHUNK-5m}"
	served
}
case_19_plain() {
	chunked </dev/null
	equal "$(count PATCH /uploads/)" 3 'three for the layer, the small config goes whole'
}
case_19_201() { chunked <<<'PATCH /uploads/ * status 201'; }
case_19_stuck() { chunked <<<"PATCH /uploads/ 2- if:Content-Range~^[1-9] set 'Range: 0-5242879'"; }
case_19_less() { chunked <<<'PATCH /uploads/ 1 if:body>2000000 shorten 1000000'; }
case_19_416() {
	chunked <<-'EOF2'
	PATCH /uploads/ 1 if:Content-Range~^5242880- reply 416 'Location: {target}' 'Range: 0-5242879'
	EOF2
}
case_19_minimum() {
	CHUNK=1m chunked <<<"POST /uploads/ * set 'OCI-Chunk-Min-Length: 5242880'"
	[ "$(count PATCH /uploads/)" -le 4 ] || fail 'the minimum was not kept'
}
case_19_absurd() {
	chunked <<<"POST /uploads/ * set 'OCI-Chunk-Min-Length: 10737418240'"
}

@test "19: chunks: 201, a Range that stands still or is smaller, 416, minimums" {
	cases 19_plain 19_201 19_stuck 19_less 19_416 19_minimum 19_absurd
}

case_20() {
	rules <<-EOF2
	PUT /uploads/ * if:body>0 $(unknown_upload)
	PUT /uploads/ 3 $(unknown_upload)
	EOF2
	push 0
	served
}
case_20_always() {
	rules <<<"PUT /uploads/ * $(unknown_upload)"
	push 1
	no_tag
}

@test "20: an upload is forgotten before its end, once and always" {
	cases 20 20_always
}

# -- 21 to 24: manifests --------------------------------------------------------------------
blob_unknown() {
	echo "reply 400 'Content-Type: application/json' 'body={\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\"$1}]}'"
}
case_21_one() {
	rules <<<"PUT /manifests/ 1 $(blob_unknown ",\"detail\":{\"digest\":\"$(layer_of)\"}")"
	push 0
	served
}
case_21_no_detail() {
	rules <<<"PUT /manifests/ 1 $(blob_unknown '')"
	push 0
	served
}
case_21_twice() {
	rules <<<"PUT /manifests/ 1-2 $(blob_unknown '')"
	push 0
	served
}
case_21_always() {
	rules <<<"PUT /manifests/ * $(blob_unknown '')"
	RETRIES=1 push 1
	no_tag
}
case_22() {
	rules <<<"PUT /manifests/ * set 'Docker-Content-Digest: sha256:$(printf '%064d' 7)'"
	push 1
	message cpush "$(printf '%064d' 7)"
}
refused_manifest() {
	rules <<<"PUT /manifests/ * reply $1 'Content-Type: application/json' 'body={\"errors\":[{\"code\":\"$2\",\"message\":\"$3\"}]}'"
	push "$4"
	message cpush "$3"
	no_tag
}
case_23_409() { refused_manifest 409 CONFLICT 'the tag is immutable' 1; }
case_23_400() { refused_manifest 400 TAG_INVALID 'the tag is immutable' 1; }
case_23_403() { refused_manifest 403 DENIED 'over quota' 3; }
case_23_same() {
	push 0
	rules <<<'PUT /manifests/ * reply 409'
	push 0
	served
}
case_24_silent() {
	push 0 -t 2 -t 3
	for tag in 1 2 3; do
		served "$tag"
	done
}
case_24_partial() {
	rules <<<"PUT /manifests/ 1 set 'OCI-Tag: 2'"
	push 0 -t 2 -t 3
	for tag in 1 2 3; do
		served "$tag"
	done
}

@test "21: a manifest's blobs are unknown: one, all, twice, for ever" {
	cases 21_one 21_no_detail 21_twice 21_always
}

@test "22: a manifest is answered with another digest" {
	cases 22
}

@test "23: a manifest is refused, and the server's words are told" {
	cases 23_409 23_400 23_403 23_same
}

@test "24: several tags, whatever the registry says of them" {
	cases 24_silent 24_partial
}

# -- 28: nothing moves ------------------------------------------------------------------------
case_28_slow() {
	rules <<<'* . * drip 40 0.02'
	push 0
	served
}

# nothing of the body is taken any more: after half a minute it is another try
case_28_stalled() {
	rules <<<'PUT /blobs/uploads/ 1 if:body>1000 hang-request 1000'
	push 0
	served
	equal "$(count PUT /blobs/uploads/ hang-request)" 1
	equal "$(grep -c 'retrying in' stderr)" 1
}

@test "28: answers come in drops, and a body stands still" {
	cases 28_slow 28_stalled
}

# -- 29: several addresses -------------------------------------------------------------------
named() {
	printf '%s registry.test\n127.0.0.1 registry.test\n' "$1" >hosts
	HOST=registry.test:${HOST##*:}
	IMAGE=$HOST/$REPO_PATH:1
	EXPECTED_HOSTS=$HOST
	login "$HOST"
	# shellcheck disable=SC2016 # expanded by the inner shell
	run_tool 0 unshare --mount sh -c 'mount -n --bind hosts /etc/hosts && exec "$@"' sh \
		cpush -v -v -v --plain-http "$LAYOUT" "$IMAGE"
	served
}
case_29_first() { named 127.9.9.9; }
case_29_six() { named ::1; }

# nobody knows the name, and a moment later somebody does
case_29_name() {
	: >hosts
	echo 'nameserver 127.0.0.1' >resolv.conf
	HOST=registry.test:${HOST##*:}
	IMAGE=$HOST/$REPO_PATH:1
	EXPECTED_HOSTS=$HOST
	login "$HOST"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount sh -c 'mount -n --bind hosts /etc/hosts && mount -n --bind resolv.conf /etc/resolv.conf && exec "$@"' \
		sh cpush -v -v -v --plain-http "$LAYOUT" "$IMAGE" >stdout 2>stderr 3>&- &
	pushing=$!
	until_true grep -q 'retrying in' stderr
	echo '127.0.0.1 registry.test' >hosts
	wait "$pushing"
	served
	: >cmdline
	no_secret
	nothing_left
	nothing_unexpected
}

@test "29: the first of two addresses does not answer, or the name is not known for a moment" {
	cases 29_first 29_six 29_name
}

# -- 30: proxies --------------------------------------------------------------------------------
case_30_407() {
	over_https
	rules <<<"CONNECT . * reply 407 'Proxy-Authenticate: Basic realm=\"x\"'"
	push 3
	message cpush "$PROXY"
	no_tag
}
case_30_502() {
	over_https
	rules <<<'CONNECT . 1 reply 502'
	push 0
	served
}
case_30_not() {
	export HTTP_PROXY=http://127.0.0.1:1 NO_PROXY=10.0.0.0/8,127.0.0.0/8
	push 0
	served
}

@test "30: a proxy wants a password, fails once, is not for us" {
	cases 30_407 30_502 30_not
}

# -- 31: certificates --------------------------------------------------------------------------
untrusted() {
	over_https
	[ "$1" = ca ] || OPTIONS=()
	push 3
	message cpush certificate
	has "$err" "$2"
	no_tag
}
case_31_unknown() { untrusted '' --ca; }
case_31_expired() { CERT=expired untrusted ca expired; }
case_31_other() { CERT=other untrusted ca registry.test; }

@test "31: a certificate of nobody we know, of yesterday, of somebody else" {
	cases 31_unknown 31_expired 31_other
}

# -- 32 to 35 --------------------------------------------------------------------------------------
case_32() {
	rules <<<'PUT /uploads/ * if:body>1000 hang-request 1000'
	cpush -v -v -v "$LAYOUT" "$IMAGE" >stdout 2>stderr 3>&- &
	pid=$!
	until_true grep -q hang-request proxy/log
	tr '\0' ' ' <"/proc/$pid/cmdline" >cmdline
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	equal "$got" 143 "$(cat stderr)"
	no_secret
	nothing_left
	no_tag
	[ "$(count DELETE /uploads/)" -ge 1 ] || fail 'the upload was not given up'
}
case_33() {
	rules <<<"* ^/v2/ * set 'Warning: 299 - \"this is \\\\x1b[31mold\"'"
	push 0
	served
	equal "$(grep -c 'old' stderr)" 1 'warnings'
	! grep -q "$(printf '\033')" stderr || fail 'an escape'
}
case_34_same() {
	cpush --retries 2 "$LAYOUT" "$IMAGE" >first 2>&1 3>&- &
	push 0
	wait $!
	served
}
case_34_different() {
	"$E2E_SERVERS/shape" other-image 20000
	cpush --retries 2 other-image "$IMAGE" >first 2>&1 3>&- &
	push 0
	wait $!
	there=$(cat "$FAULTS/registry/data/docker/registry/v2/repositories/$REPO_PATH/_manifests/tags/1/current/link")
	[ "$there" = "$(digest_of "$LAYOUT")" ] || equal "$there" "$(digest_of other-image)"
}
shaped() {
	"$E2E_SERVERS/shape" image "$@"
	LAYOUT=$C/image
}
case_35_none() { shaped && push 0 && served; }
case_35_empty() { shaped 0 && push 0 && served; }
case_35_byte() { shaped 1 && push 0 && served; }
case_35_many() {
	# shellcheck disable=SC2046 # words
	shaped $(seq 10 509)
	IMAGE=$OPEN/$REPO_PATH:1
	run_tool 0 cpush "$LAYOUT" "$IMAGE"
	served
}
case_35_large() {
	shaped 5G!
	rules <<<'PUT . * if:body>5368709119 early 0 400 body=seen'
	push 1
	message cpush seen
	no_tag
}
case_35_sha512() {
	shaped 100@sha512
	RETRIES=0 push 1
	no_tag
}

@test "32: SIGTERM in the middle of an upload" {
	cases 32
}

@test "33: a registry's warnings are told once, and as text" {
	cases 33
}

@test "34: two at once, of one image and of two" {
	cases 34_same 34_different
}

@test "35: images of no, empty, tiny, many and very large layers" {
	cases 35_none 35_empty 35_byte 35_many 35_large 35_sha512
}
