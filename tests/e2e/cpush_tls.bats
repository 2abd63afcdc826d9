# Whom we believe to be the registry, and what we show it: authorities, client certificates, who is told what.

load helper

setup_file() {
	"$E2E_SERVERS/certs" "$E2E_DIR/tls-certs"
}

setup() {
	begin
	C=$E2E_DIR/tls-certs
	mkdir "$T/tree"
	echo x >"$T/tree/file"
	sh "$E2E_SERVERS/pack" "$T/tree" "$T/one" 1
	certs_d=$HOME/.config/containers/certs.d
}

teardown() {
	local dir
	for dir in "$T"/registry*; do
		[ ! -d "$dir" ] || "$E2E_SERVERS/registry" stop "$dir"
	done
	[ ! -d "$T/faults" ] || "$E2E_SERVERS/faults" stop "$T/faults"
	[ -z "${token_server-}" ] || kill "$token_server"
}

# with_tls NAME [MODE...]: a registry that shows the certificate of that NAME
with_tls() {
	local name=$1
	shift
	registry=$("$E2E_SERVERS/registry" start "$T/registry" tls "$C/$name.pem" "$C/$name.key" "$@")
}

@test "an authority can be made known in every way that people have, and the system's stay" {
	with_tls server
	expect 3 cpush "$T/one" "$registry/app:1"
	message cpush "$registry" 'certificate not trusted' '--ca FILE'
	expect 0 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	SSL_CERT_FILE=$C/ca.pem expect 0 cpush "$T/one" "$registry/app:1"
	CI_SERVER_TLS_CA_FILE=$C/ca.pem expect 0 cpush "$T/one" "$registry/app:1"
	mkdir "$T/folder"
	cp "$C/ca.pem" "$T/folder/any-name"
	SSL_CERT_DIR=/nonexistent:$T/folder expect 0 cpush "$T/one" "$registry/app:1"
	# none takes another's place
	CI_SERVER_TLS_CA_FILE=/nonexistent SSL_CERT_FILE=$C/stranger.pem \
		expect 0 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	# the certificate itself may be what is trusted
	expect 0 cpush --ca "$C/server.pem" "$T/one" "$registry/app:1"
	mkdir -p "$certs_d/$registry"
	cp "$C/ca.pem" "$certs_d/$registry/our.crt"
	expect 0 cpush "$T/one" "$registry/app:1"
	mv "$certs_d/$registry" "$certs_d/elsewhere.test"
	expect 3 cpush "$T/one" "$registry/app:1"
}

@test "cbuild and cdeploy know them, too" {
	with_tls server
	expect 0 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	printf 'FROM %s/app:1\nENV A=1\n' "$registry" >Dockerfile
	printf 'stack: %s\nservices:\n  %s:\n    image: %s/none:1\n' "$NAME" "$NAME" "$registry" >orcinus.yml
	expect 3 cbuild .
	message cbuild 'certificate not trusted'
	expect 3 cdeploy -H "$E2E_ENGINE" up
	message cdeploy 'certificate not trusted'
	mkdir -p "$certs_d/$registry"
	cp "$C/ca.pem" "$certs_d/$registry/our.crt"
	expect 0 cbuild .
	expect 4 cdeploy -H "$E2E_ENGINE" up
	message cdeploy "$registry/none:1"
}

@test "what is wrong with a certificate is said, with status 3" {
	with_tls expired
	expect 3 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	message cpush 'certificate has expired' '--insecure'
	"$E2E_SERVERS/registry" stop "$T/registry"
	with_tls other
	expect 3 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	message cpush "matches target host name '127.0.0.1'" '--insecure'
	"$E2E_SERVERS/registry" stop "$T/registry"
	with_tls stranger
	expect 3 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	message cpush 'certificate not trusted: self-signed certificate' '--ca FILE'
	equal "$(requests "$T/registry" '[A-Z]+' /v2/app)" 0
	# and the way without a check is told
	expect 0 cpush --insecure "$T/one" "$registry/app:1"
	has "$err" 'warning: --insecure: certificates are not checked'
	CPUSH_INSECURE=1 expect 0 cpush -q "$T/one" "$registry/app:1"
}

@test "a registry that wants a client certificate, and everything that can be wrong with ours" {
	with_tls server clientca "$C/ca.pem"
	expect 3 cpush --ca "$C/ca.pem" "$T/one" "$registry/app:1"
	message cpush 'it wants a client certificate' '--cert FILE and --key FILE'
	expect 0 cpush --ca "$C/ca.pem" --cert "$C/client.pem" --key "$C/client.key" "$T/one" "$registry/app:1"
	expect 2 cpush --ca "$C/ca.pem" --cert "$C/client.pem" "$T/one" "$registry/app:1"
	message cpush '--cert needs --key'
	expect 4 cpush --ca "$C/ca.pem" --cert "$C/client.pem" --key "$T/none" "$T/one" "$registry/app:1"
	expect 3 cpush --ca "$C/ca.pem" --cert "$C/client.pem" --key "$C/server.key" "$T/one" "$registry/app:1"
	message cpush "client certificate '$C/client.pem': the key does not belong to the certificate"
	openssl ec -aes128 -passout pass:canary -in "$C/client.key" -out "$T/locked.key" 2>/dev/null
	expect 3 cpush --ca "$C/ca.pem" --cert "$C/client.pem" --key "$T/locked.key" "$T/one" "$registry/app:1"
	message cpush 'the key is encrypted'
	expect 3 cpush --ca "$C/ca.pem" --cert "$C/stranger.pem" --key "$C/stranger.key" "$T/one" "$registry/app:1"
	message cpush "the client certificate '$C/stranger.pem' is refused"
}

@test "client certificates in certs.d, for all three tools" {
	with_tls server clientca "$C/ca.pem"
	mkdir -p "$certs_d/$registry"
	cp "$C/ca.pem" "$certs_d/$registry/ca.crt"
	cp "$C/client.pem" "$certs_d/$registry/me.cert"
	expect 2 cpush "$T/one" "$registry/app:1"
	message cpush "$certs_d/$registry" "'me.cert' is there but 'me.key' is not"
	cp "$C/client.key" "$certs_d/$registry/me.key"
	expect 0 cpush "$T/one" "$registry/app:1"
	printf 'FROM %s/app:1\nENV A=1\n' "$registry" >Dockerfile
	expect 0 cbuild .
	rm "$certs_d/$registry"/me.*
	expect 3 cbuild --root "$T/root2" .
	message cbuild 'it wants a client certificate' 'NAME.cert and NAME.key in certs.d'
}

@test "a client certificate is shown to the registry, and not to the token server that it names" {
	"$E2E_SERVERS/token" "$T/tokens" anna geheim-1 >"$T/token.log" 2>&1 3>&- &
	token_server=$!
	until_true test -s "$T/tokens/address"
	# a token server that would take nobody without a certificate
	realm=$("$E2E_SERVERS/faults" start "$T/faults" "$(cat "$T/tokens/address")" \
		"tls=$C/server.pem:$C/server.key" "clientca=$C/ca.pem")
	with_tls server clientca "$C/ca.pem" token "https://$realm/token" "$T/tokens/certificate.pem"
	# it may hang up before its alert is read
	cpush --retries 0 --ca "$C/ca.pem" --cert "$C/client.pem" --key "$C/client.key" "$T/one" "$registry/app:1" \
		2>"$T/stderr" && fail 'the token server took us'
	has "$(cat "$T/stderr")" "https://$realm/token"
	[ ! -s "$T/tokens/requests" ] || fail "$(cat "$T/tokens/requests")"
}
