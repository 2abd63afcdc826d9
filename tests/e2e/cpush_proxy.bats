# Through a proxy, past it, and what is said when it is in the way. registry.test is known to the proxy alone.

load helper

setup() {
	begin
	unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
	mkdir "$T/tree"
	echo x >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	PROXY=$("$E2E_SERVERS/proxy" start "$T/proxy")
	FAR=registry.test:${E2E_REGISTRY##*:}
}

teardown() {
	"$E2E_SERVERS/proxy" stop "$T/proxy"
	[ ! -d "$T/registry" ] || "$E2E_SERVERS/registry" stop "$T/registry"
}

with_tls() {
	"$E2E_SERVERS/certs" "$T/certs"
	FAR=$("$E2E_SERVERS/registry" start "$T/registry" tls "$T/certs/server.pem" "$T/certs/server.key")
	FAR=registry.test:${FAR##*:}
}

seen() {
	grep -cE "$1" "$T/proxy/log" || :
}

@test "HTTP_PROXY in upper case is the way to a registry that speaks http" {
	HTTP_PROXY=http://$PROXY expect 0 cpush --plain-http "$T/one" "$FAR/$NAME:1"
	[ "$(seen "^(HEAD|POST|PUT) http://$FAR/v2/$NAME/.* 200$")" -ge 4 ] || fail "$(cat "$T/proxy/log")"
	# and ADD of an address goes the same way
	printf 'FROM scratch\nADD http://%s/v2/ /x\n' "$FAR" >Dockerfile
	HTTP_PROXY=http://$PROXY expect 0 cbuild .
	equal "$(seen "^GET http://$FAR/v2/ 200$")" 1
	printf 'FROM %s/%s:1\nENV A=1\n' "$FAR" "$NAME" >Dockerfile
	http_proxy=$PROXY expect 0 cbuild --plain-http "$FAR" .
	[ "$(seen "^GET http://$FAR/v2/$NAME/")" -ge 1 ] || fail "$(cat "$T/proxy/log")"
}

@test "https goes through a tunnel, and what is inside it is no affair of the proxy's" {
	with_tls
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$FAR" "$(printf joe:geheim | base64)" >"$HOME/.docker/config.json"
	HTTPS_PROXY=$PROXY expect 0 cpush --ca "$T/certs/ca.pem" "$T/one" "$FAR/app:1"
	[ "$(seen "^CONNECT $FAR 200$")" -ge 1 ] || fail "$(cat "$T/proxy/log")"
	equal "$(seen authorization)" 0
	equal "$(seen '^(HEAD|GET|POST|PUT)')" 0
}

@test "loopback and what NO_PROXY names are asked directly" {
	export ALL_PROXY=http://127.0.0.1:1
	expect 0 cpush "$T/one" "$REPO:1"
	for exception in registry.test .test "$FAR" 'a.example, *.test' '*'; do
		NO_PROXY=$exception expect 5 cpush --retries 0 --plain-http "$T/one" "$FAR/$NAME:1"
		message cpush registry.test
		has_no "$err" 'the proxy'
	done
	NO_PROXY=10.0.0.0/8,test.example,registry.test:1 \
		expect 5 cpush --retries 0 --plain-http "$T/one" "$FAR/$NAME:1"
	# shellcheck disable=SC2016 # said so
	message cpush 'the proxy http://127.0.0.1:1 ($ALL_PROXY): connection refused'
}

@test "a proxy's password works and is told nobody else; without it: status 3 and how to give one" {
	"$E2E_SERVERS/proxy" stop "$T/proxy"
	PROXY=$("$E2E_SERVERS/proxy" start "$T/proxy" 'jo@n:canary 7351')
	export HTTP_PROXY=http://jo%40n:canary%207351@$PROXY
	expect 0 cpush -vv --plain-http "$T/one" "$FAR/$NAME:1"
	has "$err" "/v2/$NAME/manifests/1: 201 through http://$PROXY"
	has_no "$err" canary
	HTTP_PROXY=http://jo%40n:canary@$PROXY expect 3 cpush -vv --plain-http "$T/one" "$FAR/$NAME:1"
	# shellcheck disable=SC2016 # said so
	message cpush "the proxy http://$PROXY" 'refuses the user and password in $HTTP_PROXY (407)'
	has_no "$err" canary
	unset HTTP_PROXY
	HTTPS_PROXY=$PROXY expect 3 cpush "$T/one" "$FAR/$NAME:1"
	message cpush "the proxy http://$PROXY wants a user and password (407)" HTTPS_PROXY
}

@test "a tunnel that fails for a moment is tried again, one that is refused is not" {
	with_tls
	export HTTPS_PROXY=$PROXY
	echo '502 503' >"$T/proxy/fail"
	expect 0 cpush --ca "$T/certs/ca.pem" "$T/one" "$FAR/app:1"
	equal "$(seen ' 50[23]$')" 2
	echo 403 >"$T/proxy/fail"
	expect 3 cpush --ca "$T/certs/ca.pem" "$T/one" "$FAR/app:2"
	# shellcheck disable=SC2016 # said so
	message cpush "the proxy http://$PROXY" '($HTTPS_PROXY) answered 403'
	equal "$(seen ' 403$')" 1
}
