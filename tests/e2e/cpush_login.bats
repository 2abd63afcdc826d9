# Who we are for a registry: a password file, bearer tokens, and what happens with the wrong ones.

load helper

setup() {
	begin
	mkdir "$T/tree"
	echo x >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	digest=$(jq -r '.manifests[0].digest' "$T/one/index.json")
}

teardown() {
	[ ! -d "$T/registry" ] || "$E2E_SERVERS/registry" stop "$T/registry"
	[ -z "${token_server-}" ] || kill "$token_server"
	[ -z "${pushing-}" ] || ! kill "$pushing" 2>/dev/null || wait "$pushing" || :
}

with_passwords() {
	htpasswd -Bbn -C 5 anna geheim-1 >"$T/passwords"
	registry=$("$E2E_SERVERS/registry" start "$T/registry" htpasswd "$T/passwords")
}

with_tokens() {
	"$E2E_SERVERS/token" "$T/tokens" anna geheim-1 >"$T/token.log" 2>&1 3>&- &
	token_server=$!
	until_true test -s "$T/tokens/address"
	registry=$("$E2E_SERVERS/registry" start "$T/registry" \
		token "http://$(cat "$T/tokens/address")/token" "$T/tokens/certificate.pem")
}

login() {
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$registry" "$(printf '%s' "$1:$2" | base64 -w0)" \
		>"$HOME/.docker/config.json"
}

@test "basic authentication with docker's config.json" {
	with_passwords
	login anna geheim-1
	expect 0 cpush -v -v "$T/one" "$registry/app:1"
	equal "$out" "$registry/app@$digest"
	has_no "$err" geheim-1
	has_no "$err" "$(printf anna:geheim-1 | base64)"
	equal "$(skopeo inspect --tls-verify=false --creds anna:geheim-1 --format '{{.Digest}}' \
		"docker://$registry/app:1")" "$digest"
}

@test "the same in DOCKER_AUTH_CONFIG, in --authfile and on standard input" {
	with_passwords
	login anna geheim-1
	DOCKER_AUTH_CONFIG=$(cat "$HOME/.docker/config.json")
	mv "$HOME/.docker/config.json" "$T/auth.json"
	expect 3 cpush "$T/one" "$registry/app:1"
	expect 0 cpush --authfile "$T/auth.json" "$T/one" "$registry/app:1"
	# asked for, so it is looked at also where the registry wants none
	expect 4 cpush --authfile "$T/none.json" "$T/one" "$REPO/free:1"
	message cpush "$T/none.json"
	export DOCKER_AUTH_CONFIG
	expect 0 cpush "$T/one" "$registry/app:2"
	unset DOCKER_AUTH_CONFIG
	printf 'anna:geheim-1\n' | cpush --creds-stdin "$T/one" "$registry/app:3"
}

@test "a wrong password is status 3, and the message does not tell it" {
	with_passwords
	login anna geheim-2
	expect 3 cpush -v -v "$T/one" "$registry/app:1"
	message cpush "login to $registry: 401 unauthorized" 'credentials from ~/.docker/config.json'
	has_no "$(tail -n 1 <<<"$err")" 'blob '
	has_no "$err" geheim-2
	equal "$(requests "$T/registry" PUT /v2/app/blobs)" 0 'uploads'
}

@test "no password at all is status 3 and says where one would be looked for" {
	with_passwords
	expect 3 cpush "$T/one" "$registry/app:1"
	message cpush "$registry"
}

@test "bearer tokens from a token server, for push and for FROM" {
	with_tokens
	login anna geheim-1
	expect 0 cpush -v -v "$T/one" "$registry/app:1"
	equal "$out" "$registry/app@$digest"
	has_no "$err" geheim-1
	has_no "$err" eyJ
	# one token does for all of it, or two when the first was for reading only
	[ "$(wc -l <"$T/tokens/requests")" -le 2 ] || fail "$(cat "$T/tokens/requests")"
	printf 'FROM %s/app:1\nENV A=1\n' "$registry" >Dockerfile
	expect 0 cbuild .
	# anyone may read
	rm "$HOME/.docker/config.json"
	expect 0 cbuild --root "$T/root2" .
}

@test "a token server that says no is status 3" {
	with_tokens
	login anna geheim-2
	expect 3 cpush "$T/one" "$registry/app:1"
	message cpush "login to $registry: token for" 'credentials from ~/.docker/config.json'
	has_no "$(tail -n 1 <<<"$err")" 'blob '
	has_no "$err" geheim-2
}

@test "a token that does not allow to push is status 3" {
	with_tokens
	expect 3 cpush "$T/one" "$registry/app:1"
	message cpush "$registry" 'no right to push to app'
	has_no "$err" 'login to'
}

# What a job of GitLab's has in its environment, for the registry of this test.
in_a_job() {
	export CI_REGISTRY=$registry CI_REGISTRY_USER=anna CI_REGISTRY_PASSWORD=geheim-1
}

@test "a GitLab job needs no login, for its own registry and no other" {
	with_passwords
	in_a_job
	expect 0 cpush -v "$T/one" "$registry/app:1"
	has "$err" 'credentials: CI_REGISTRY_USER and CI_REGISTRY_PASSWORD'
	has_no "$err" geheim-1
	printf 'FROM %s/app:1\nENV A=1\n' "$registry" >Dockerfile
	expect 0 cbuild .
	# the same machine under another name is another host
	expect 3 cpush "$T/one" "localhost:${registry##*:}/app:2"
	message cpush 'no credentials for localhost'
	# an empty variable is the usual cause
	CI_REGISTRY_PASSWORD=
	expect 3 cpush "$T/one" "$registry/app:2"
	message cpush 'CI_REGISTRY_PASSWORD is empty: a protected variable'
	export CI_JOB_TOKEN=geheim-1
	expect 3 cpush "$T/one" "$registry/app:2"
	message cpush 'credentials from CI_JOB_TOKEN'
}

@test "--check: who we are and whether we may push, and nothing is left behind" {
	with_tokens
	in_a_job
	expect 0 cpush --check "$registry/app"
	equal "$out" "$registry/app: anna (credentials from CI_REGISTRY_USER and CI_REGISTRY_PASSWORD) may push"
	# nobody may read only
	CI_REGISTRY_PASSWORD=
	expect 3 cpush --check "$registry/app:1"
	equal "$out" "$registry/app: nobody (no credentials for $registry found; CI_REGISTRY_PASSWORD is empty: a protected variable, on a branch that is not?) may not push"
	message cpush 'denied: no right to push to app'
	# a wrong password is not nobody
	CI_REGISTRY_PASSWORD=geheim-2
	expect 3 cpush --check "$registry/app:1"
	equal "${out##*) }" 'may not push'
	message cpush 401
	has_no "$out$err" geheim-2
	[ -z "$(find "$T/registry/data" -type f)" ] || fail "$(find "$T/registry/data")"
	expect 2 cpush --check "$T/one" "$registry/app:1"
	"$E2E_SERVERS/registry" stop "$T/registry"
	expect 5 cpush --check --retries 0 "$registry/app:1"
	equal "$out" ''
}

# The process of a tool that this test started.
pid_of() {
	local proc name
	for proc in /proc/[0-9]*; do
		{ read -r name <"$proc/comm"; } 2>/dev/null && [ "$name" = "$1" ] || continue
		! tr '\0' ' ' 2>/dev/null <"$proc/cmdline" | grep -qF "$T" || echo "${proc#/proc/}"
	done
}

runs() {
	[ -n "$(pid_of "$1")" ]
}

@test "S13: while cpush holds a password, nobody sees into it, and it leaves no core" {
	with_passwords
	mkfifo "$T/creds"
	chmod 666 "$T/creds"
	as_user env "PATH=$PATH" cpush -v -v -v --creds-stdin "$T/one" "$registry/app:1" \
		<>"$T/creds" >"$T/stdout" 2>"$T/stderr" 3>&- &
	pushing=$!
	until_true runs cpush
	pid=$(pid_of cpush)
	printf 'anna:geheim-1' >"$T/creds"
	# read, but not to the end
	until_true grep -q '^Max core file size *1 *1 ' "/proc/$pid/limits"
	equal "$(stat -c %u "/proc/$pid/environ")" 0 'owner of a process of user 4242'
	has_no "$(tr '\0' ' ' <"/proc/$pid/cmdline")" geheim
	kill "$pid"
	wait "$pushing" || :
	pushing=
	has_no "$(cat "$T/stdout" "$T/stderr")" geheim
}

@test "cbuild with credentials leaves the limits of RUN alone" {
	with_passwords
	printf 'FROM %s\nRUN ulimit -Hc >/limit\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -o type=local,dest="$T/out" .
	equal "$(cat "$T/out/limit")" "$(ulimit -Hc)"
}

@test "S13: no word of a secret in what is said at -vvv, from whatever source" {
	with_tokens
	echo geheim-1 >"$T/helper-secret"
	mkdir "$T/helpers"
	cat >"$T/helpers/docker-credential-e2e" <<-EOF2
	#!/bin/sh
	tr '\\0' ' ' </proc/\$PPID/cmdline >$T/parent
	read -r host
	printf '{"Username":"anna","Secret":"%s"}' "\$(cat $T/helper-secret)"
	EOF2
	chmod 755 "$T/helpers/docker-credential-e2e"
	PATH=$T/helpers:$PATH
	mkdir -p "$HOME/.docker"
	echo '{"credsStore":"e2e"}' >"$HOME/.docker/config.json"
	expect 0 cpush -v -v -v "$T/one" "$registry/app:1"
	has_no "$err" geheim-1
	has_no "$err" "$(printf anna:geheim-1 | base64)"
	has_no "$err" eyJ
	has_no "$err" Authorization
	has_no "$err" _state=
	has_no "$(cat "$T/parent")" geheim-1
	rm "$HOME/.docker/config.json"
	in_a_job
	expect 0 cpush -v -v -v --force "$T/one" "$registry/app:1"
	has_no "$err" geheim-1
	has_no "$err" eyJ
	# and in what goes wrong
	CI_REGISTRY_PASSWORD=geheim-2
	expect 3 cpush -v -v -v --force "$T/one" "$registry/app:1"
	has_no "$err" geheim-2
	has_no "$err" "$(printf anna:geheim-2 | base64)"
}
