# A registry with bearer tokens, and between it and the tools a proxy that breaks things. A test is made of
# cases that run side by side, each with a proxy, a home and a repository of its own.
# After `load helper`; setup_file() calls faults_start, teardown_file() faults_stop.

CANARY_USER=canary-user
CANARY_PASSWORD=canary-password-7351
CANARY_BASIC=$(printf '%s' "$CANARY_USER:$CANARY_PASSWORD" | base64 -w0)

faults_start() {
	FAULTS=$E2E_DIR/tests/$(basename "$BATS_TEST_FILENAME" .bats)-all
	mkdir -p "$FAULTS"
	"$E2E_SERVERS/token" "$FAULTS/tokens" "$CANARY_USER" "$CANARY_PASSWORD" >"$FAULTS/token.log" 2>&1 3>&- &
	until_true test -s "$FAULTS/tokens/address"
	TOKENS=$(cat "$FAULTS/tokens/address")
	UPSTREAM=$("$E2E_SERVERS/registry" start "$FAULTS/registry" \
		token "http://$TOKENS/token" "$FAULTS/tokens/certificate.pem")
	# the same registry without a lock
	OPEN=$("$E2E_SERVERS/registry" start "$FAULTS/open/registry" data "$FAULTS/registry/data")
	layered "$FAULTS/one" 300
	export FAULTS TOKENS UPSTREAM OPEN
}

faults_stop() {
	"$E2E_SERVERS/registry" stop "$FAULTS/registry"
	"$E2E_SERVERS/registry" stop "$FAULTS/open/registry"
	kill "$(cat "$FAULTS/tokens/token.pid")"
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
# cases NAME...: runs the functions case_NAME, some of them at once; all must be good.
cases() {
	local name running=0 bad=0
	declare -A pids=()
	for name in "$@"; do
		while [ "$(jobs -rp | wc -l)" -ge 8 ]; do
			sleep 0.05
		done
		case_run "$name" >"$T/$name.log" 2>&1 3>&- &
		pids[$name]=$!
	done
	for name in "$@"; do
		wait "${pids[$name]}" || { bad=1; printf -- '--- case %s\n' "$name"; tail -n 60 "$T/$name.log"; }
	done
	return "$bad"
}

case_run() {
	# bats follows every command of a test, which is dear; a case says itself how it went
	trap - DEBUG
	set -e +T
	case_begin "$1"
	trap case_end EXIT
	"case_${1}"
}

case_begin() {
	C=$T/$1
	mkdir -p "$C/tmp" "$C/home"
	export HOME=$C/home TMPDIR=$C/tmp CBUILD_ROOT=$C/root
	T=$C # where expect puts what it saw
	cd "$C"
	: >rules
	mkdir proxy
	mv rules proxy/rules
	HOST=$("$E2E_SERVERS/faults" start "$C/proxy" "$UPSTREAM" "route=/token=$TOKENS")
	REPO_PATH=$NAME/${1//_/-}
	IMAGE=$HOST/$REPO_PATH:1
	LAYOUT=$FAULTS/one
	MOST=40 # requests
	EXPECTED_HOSTS=$HOST
	OPTIONS=()
	login "$HOST"
}

case_end() {
	local status=$?
	"$E2E_SERVERS/faults" stop "$C/proxy"
	"$E2E_SERVERS/faults" stop "$C/other"
	[ "$status" -eq 0 ] || { echo "proxy's log:"; tail -n 40 "$C/proxy/log"; }
	return "$status"
}

# A second proxy, to the open registry: $OTHER, with its files in $C/other.
another() {
	OTHER=$("$E2E_SERVERS/faults" start "$C/other" "$OPEN")
}

# The case's registry is registry.test behind https, reached through a forward proxy, which is the same
# program and sees every host that is asked for. OPTION...: for the proxy.
over_https() {
	"$E2E_SERVERS/faults" stop "$C/proxy"
	[ -e "$FAULTS/certs/done" ] || fail 'faults_certs was not called'
	local cert=$FAULTS/certs/${CERT-server}
	PROXY=$("$E2E_SERVERS/faults" start "$C/proxy" "$UPSTREAM" "route=/token=$TOKENS" "tls=$cert.pem:$cert.key" "$@")
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
	mkdir -p "$HOME/.docker"
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
	local want=$1 got=0 pid
	shift
	"$@" >"$C/stdout" 2>"$C/stderr" </dev/null &
	pid=$!
	tr '\0' ' ' <"/proc/$pid/cmdline" >>"$C/cmdline" 2>/dev/null || :
	wait "$pid" || got=$?
	out=$(cat "$C/stdout") err=$(cat "$C/stderr")
	[ "$got" -eq "$want" ] || fail "status $got, expected $want, of: $*"
	[ "$want" -eq 0 ] || equal "$out" '' 'nothing on stdout after a failure'
	no_secret
	nothing_left
	no_other_host
	[ "$(count '*' .)" -le "$MOST" ] || fail "$(count '*' .) requests, at most $MOST"
}

# push STATUS [OPTION...]
push() {
	local want=$1
	shift
	run_tool "$want" cpush -v -v -v --retries "${RETRIES-2}" "${OPTIONS[@]}" "$@" "$LAYOUT" "$IMAGE"
}

no_secret() {
	local file
	for file in "$C/stdout" "$C/stderr" "$C/cmdline"; do
		! grep -nF -e "$CANARY_USER" -e "$CANARY_PASSWORD" -e "$CANARY_BASIC" -e eyJ "$file" ||
			fail "a secret is in $file"
		! grep -nF -f <(cut -d. -f3 "$FAULTS/tokens/given" 2>/dev/null; echo no-token) "$file" ||
			fail "a token is in $file"
	done
}

nothing_left() {
	local left
	left=$(find "$C/tmp" "$C/root/tmp" "$C/root/store" -mindepth 1 \( -path "$C/tmp/*" -o -name '*.tmp' -o -name '.new*' \
		-o -path '*/root/tmp/*' \) ! -name .lock 2>/dev/null) || :
	[ -z "$left" ] || fail "left behind: $left"
}

no_other_host() {
	local host
	cut -d' ' -f2 "$C/proxy/log" | sort -u | while read -r host; do
		[[ " $EXPECTED_HOSTS " == *" $host "* ]] || fail "a request for the host $host"
	done
	! grep FAULTS "$C/proxy/log" || fail 'a rule is wrong'
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
	local data=$FAULTS/registry/data/docker/registry/v2 digest hex
	local repo=$data/repositories/$REPO_PATH
	digest=$(digest_of "$LAYOUT")
	equal "$(cat "$repo/_manifests/tags/${1-1}/current/link" 2>&1)" "$digest" "tag ${1-1}"
	for digest in "$digest" $(blob "$LAYOUT" "$digest" | jq -r '.config.digest, .layers[].digest'); do
		hex=${digest#sha256:}
		equal "$(sha256sum <"$data/blobs/sha256/${hex:0:2}/$hex/data" | cut -d' ' -f1)" "$hex" 'blob'
		[ -e "$repo/_layers/sha256/$hex/link" ] || [ -e "$repo/_manifests/revisions/sha256/$hex/link" ] ||
			fail "$digest is not in the repository"
	done
}

no_tag() {
	[ ! -e "$FAULTS/registry/data/docker/registry/v2/repositories/$REPO_PATH/_manifests/tags/${1-1}" ] ||
		fail "the tag ${1-1} is there"
}

layer_of() {
	blob "$LAYOUT" "$(digest_of "$LAYOUT")" | jq -r '.layers[0].digest'
}
