# A registry with bearer tokens, and between it and the tools a proxy that breaks things. A test is made of
# cases, each with a proxy, a home and a repository of its own: the functions case_NAME of its file. As they mostly
# wait, all of a file's run side by side before its first test, and the tests tell what became of theirs.
# After `load helper`; setup_file() calls faults_start and then cases_run, teardown_file() faults_stop.

CANARY_USER=canary-user
CANARY_PASSWORD=canary-password-7351
CANARY_BASIC=$(printf '%s' "$CANARY_USER:$CANARY_PASSWORD" | base64 -w0)

faults_start() {
	FAULTS=$E2E_DIR/tests/$(basename "$BATS_TEST_FILENAME" .bats)-all
	mkdir -p "$FAULTS"
	"$E2E_SERVERS/token" "$FAULTS/tokens" "$CANARY_USER" "$CANARY_PASSWORD" >"$FAULTS/token.log" 2>&1 3>&- &
	until_true test -s "$FAULTS/tokens/address"
	TOKENS=$(cat "$FAULTS/tokens/address")
	KEEPER=$("$E2E_SERVERS/faults" keep "$FAULTS/keeper")
	UPSTREAM=$("$E2E_SERVERS/registry" start "$FAULTS/registry" \
		token "http://$TOKENS/token" "$FAULTS/tokens/certificate.pem")
	# the same registry without a lock
	OPEN=$("$E2E_SERVERS/registry" start "$FAULTS/open/registry" data "$FAULTS/registry/data")
	layered "$FAULTS/one" 300
	export FAULTS TOKENS UPSTREAM OPEN KEEPER
}

faults_stop() {
	"$E2E_SERVERS/registry" stop "$FAULTS/registry"
	"$E2E_SERVERS/registry" stop "$FAULTS/open/registry"
	kill "$(cat "$FAULTS/tokens/token.pid")"
	proxy_stop "$FAULTS/keeper"
}

# layered LAYOUT KIB: an image of one layer that does not compress. Its config is below 1 KiB.
layered() {
	mkdir -p "$1-tree"
	head -c $(($2 * 1024)) /dev/urandom >"$1-tree/file"
	sh "$E2E_SERVERS/pack" "$1-tree" "$1" 1
	rm -r "$1-tree"
}

digest_of() {
	jq -r '.manifests[0].digest' "$1/index.json"
}

# -- cases ----------------------------------------------------------------------
CASES_AT_ONCE=${CASES_AT_ONCE-12}

# All cases of the file, those named first (which take long) at the beginning.
cases_run() {
	local name pid got running=0
	declare -A names=()
	begin
	for name in "$@" $(compgen -A function case_ | sed 's/^case_//'); do
		[ ! -e "$FAULTS/cases/$name" ] || continue
		if [ "$running" -ge "$CASES_AT_ONCE" ]; then
			wait_for_case
		fi
		mkdir -p "$FAULTS/cases/$name"
		run_case "$name" &
		names[$!]=$name
		running=$((running + 1))
	done
	while [ "$running" -gt 0 ]; do
		wait_for_case
	done
}

wait_for_case() {
	got=0
	wait -n -p pid || got=$?
	echo "$got" >"$FAULTS/cases/${names[$pid]}/status"
	running=$((running - 1))
}

# cases NAME...: these must be good.
cases() {
	local name bad=0 status
	for name in "$@"; do
		read -r status <"$FAULTS/cases/$name/status" || status='not run'
		[ "$status" = 0 ] || { bad=1; printf -- '--- case %s: %s\n' "$name" "$status"; tail -n 60 "$FAULTS/cases/$name/output"; }
	done
	return "$bad"
}

run_case() {
	# of the whole shell: a redirection of the call would be over when the trap at its end speaks
	exec >"$FAULTS/cases/$1/output" 2>&1 3>&- 4>&-
	# bats follows every command of a test, which is dear; a case says itself how it went
	trap - DEBUG ERR
	set -e +ET
	begin_case "$1"
	trap end_case EXIT
	"case_${1}"
}

begin_case() {
	C=$FAULTS/cases/$1
	mkdir -p "$C/tmp" "$C/home/.docker" "$C/proxy"
	export HOME=$C/home TMPDIR=$C/tmp CBUILD_ROOT=$C/root
	T=$C # where expect puts what it saw
	cd "$C"
	: >proxy/rules
	proxy_start "$C/proxy" "$UPSTREAM" "route=/token=$TOKENS"
	HOST=$REPLY
	REPO_PATH=$NAME/${1//_/-}
	IMAGE=$HOST/$REPO_PATH:1
	LAYOUT=$FAULTS/one
	MOST=40 # requests
	EXPECTED_HOSTS=$HOST
	OPTIONS=()
	login "$HOST"
}

end_case() {
	local status=$?
	proxy_stop "$C/proxy"
	proxy_stop "$C/other"
	[ "$status" -eq 0 ] || { echo "proxy's log:"; tail -n 40 "$C/proxy/log"; }
	return "$status"
}

# proxy_start DIR ARGUMENT...: as `faults start`, by the keeper; $REPLY is the address.
proxy_start() {
	local fd
	exec {fd}<>"/dev/tcp/${KEEPER/://}"
	(IFS=$'\t' && echo "$*") >&"$fd"
	read -r REPLY <&"$fd"
	exec {fd}>&-
	[ "${REPLY:0:1}" != '!' ] || fail "a proxy did not start: $REPLY"
}

proxy_stop() {
	local pid='' ignored
	[ ! -s "$1/faults.pid" ] || read -r pid <"$1/faults.pid"
	[ -n "$pid" ] || return 0
	: >"$1/faults.pid"
	kill -KILL "$pid" || :
	# its address can be used again
	while kill -0 "$pid" 2>/dev/null; do
		read -r -t 0.01 ignored < <(exec sleep 1) || :
	done
}

# A second proxy, to the open registry: $OTHER, with its files in $C/other.
another() {
	proxy_start "$C/other" "$OPEN"
	OTHER=$REPLY
}

# The case's registry is registry.test behind https, reached through a forward proxy, which is the same
# program and sees every host that is asked for. OPTION...: for the proxy.
over_https() {
	proxy_stop "$C/proxy"
	[ -e "$FAULTS/certs/done" ] || fail 'faults_certs was not called'
	local cert=$FAULTS/certs/${CERT-server}
	proxy_start "$C/proxy" "$UPSTREAM" "route=/token=$TOKENS" "tls=$cert.pem:$cert.key" "$@"
	PROXY=$REPLY
	HOST=registry.test
	IMAGE=$HOST/$REPO_PATH:1
	EXPECTED_HOSTS=registry.test:443
	export https_proxy=http://$PROXY http_proxy=http://$PROXY no_proxy=
	login "$HOST"
	OPTIONS=(--ca "$FAULTS/certs/ca.pem")
}

faults_certs() {
	"$E2E_SERVERS/certs" "$FAULTS/certs"
	touch "$FAULTS/certs/done"
}

# login HOST...: our name and password for these, in docker's file.
login() {
	local host entries=
	for host in "$@"; do
		entries="$entries${entries:+,}\"$host\":{\"auth\":\"$CANARY_BASIC\"}"
	done
	printf '{"auths":{%s}}' "$entries" >"$HOME/.docker/config.json"
}

# Rules from standard input, after those that are there.
rules() {
	cat >>"$C/proxy/rules"
}

# run_tool STATUS TOOL ARGUMENT...: what must hold for every run is looked at as well.
run_tool() {
	local want=$1 got=0 pid words=()
	shift
	"$@" >"$C/stdout" 2>"$C/stderr" </dev/null &
	pid=$!
	# from the moment when it is the tool, unless that is over
	until [ "${words-}" = "$1" ]; do
		mapfile -d '' -t words 2>/dev/null <"/proc/$pid/cmdline" && [ "${#words[@]}" -gt 0 ] || break
	done
	echo "${words[*]}" >>"$C/cmdline"
	wait "$pid" || got=$?
	out=$(<"$C/stdout") err=$(<"$C/stderr")
	[ "$got" -eq "$want" ] || fail "status $got, expected $want, of: $*"
	[ "$want" -eq 0 ] || equal "$out" '' 'nothing on stdout after a failure'
	no_secret
	nothing_left
	nothing_unexpected
}

# push STATUS [OPTION...]
push() {
	local want=$1
	shift
	run_tool "$want" cpush -v -v -v --retries "${RETRIES-2}" "${OPTIONS[@]}" "$@" "$LAYOUT" "$IMAGE"
}

# Neither name, password nor a token: its beginning, and the signature of each that was given.
no_secret() {
	local found=0
	grep -nF -e "$CANARY_USER" -e "$CANARY_PASSWORD" -e "$CANARY_BASIC" -e eyJ -f "$FAULTS/tokens/signatures" \
		"$C/stdout" "$C/stderr" "$C/cmdline" || found=$?
	[ "$found" -eq 1 ] || fail "a secret was told"
}

nothing_left() {
	local left
	left=$(find "$C/tmp" "$C/root/tmp" "$C/root/store" -mindepth 1 \( -path "$C/tmp/*" -o -name '*.tmp' -o -name '.new*' \
		-o -path '*/root/tmp/*' \) ! -name .lock 2>/dev/null) || :
	[ -z "$left" ] || fail "left behind: $left"
}

# No host but those that are expected, no more requests than there should be.
nothing_unexpected() {
	local found
	found=$(awk -v hosts=" $EXPECTED_HOSTS " -v most="$MOST" '
		/FAULTS/ { print "a rule is wrong: " $0; next }
		!index(hosts, " " $2 " ") { print "a request for the host " $2 }
		END { if (NR > most) print NR " requests, at most " most }' "$C/proxy/log")
	[ -z "$found" ] || fail "$found"
}

# -- what came about --------------------------------------------------------------
# count METHODS PATTERN [FURTHER]: requests the proxy has seen (GET,HEAD or *), whose lines match FURTHER.
count() {
	local methods=${1//,/|}
	[ "$1" != '*' ] || methods='[A-Z]+'
	awk -v m="^($methods)\$" -v p="$2" -v f="${3-}" '$1 ~ m && $3 ~ p && $0 ~ f { n++ } END { print n + 0 }' \
		"$C/proxy/log"
}

# The registry serves LAYOUT's image, whole, under this tag (1): read from its own disk.
served() {
	local data=$FAULTS/registry/data/docker/registry/v2 repo digest hex digests got=none
	repo=$data/repositories/$REPO_PATH
	digest=$(digest_of "$LAYOUT")
	[ ! -e "$repo/_manifests/tags/${1-1}/current/link" ] || got=$(<"$repo/_manifests/tags/${1-1}/current/link")
	equal "$got" "$digest" "tag ${1-1}"
	digests=$(blob "$LAYOUT" "$digest" | jq -r '.config.digest, .layers[].digest')
	for digest in "$digest" $digests; do
		hex=${digest#sha256:}
		echo "$hex  $data/blobs/sha256/${hex:0:2}/$hex/data"
		[ -e "$repo/_layers/sha256/$hex/link" ] || [ -e "$repo/_manifests/revisions/sha256/$hex/link" ] ||
			fail "$digest is not in the repository" >&2
	done >"$C/sums"
	sha256sum --check --strict --quiet "$C/sums"
}

no_tag() {
	[ ! -e "$FAULTS/registry/data/docker/registry/v2/repositories/$REPO_PATH/_manifests/tags/${1-1}" ] ||
		fail "the tag ${1-1} is there"
}

layer_of() {
	blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq -r '.layers[0].digest'
}
