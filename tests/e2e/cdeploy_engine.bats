# Engines that are not on the socket of this machine: TLS, ssh, docker's contexts.

load helper

setup_file() {
	ENGINE2=$E2E_DIR/engine-far
	CERTS=$E2E_DIR/engine-certs
	TLS_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	export ENGINE2 CERTS TLS_PORT
	"$E2E_SERVERS/certs" "$CERTS"
	"$E2E_SERVERS/engine" start "$ENGINE2" -H "tcp://127.0.0.1:$TLS_PORT" --tlsverify \
		--tlscacert "$CERTS/ca.pem" --tlscert "$CERTS/server.pem" --tlskey "$CERTS/server.key" >/dev/null
	cp "$ENGINE2/name" "$ENGINE2-name"
	FAR=$E2E_DIR/sshd-far
	FAR_PORT=$("$E2E_SERVERS/sshd" start "$FAR" "SetEnv DOCKER_HOST=unix://$ENGINE2/docker.sock")
	export FAR FAR_PORT
}

teardown_file() {
	"$E2E_SERVERS/sshd" stop "$FAR"
	"$E2E_SERVERS/engine" stop "$ENGINE2"
	rm -rf "$CERTS"
}

setup() {
	begin
	mkdir -p "$T/certs" "$HOME/.ssh"
	chmod 700 "$HOME/.ssh"
	cp "$CERTS/ca.pem" "$T/certs/ca.pem"
	cp "$CERTS/client.pem" "$T/certs/cert.pem"
	cp "$CERTS/client.key" "$T/certs/key.pem"
	# nothing runs: what is asked for is whether the engine is reached and written to
	printf 'services:\n    %s:\n        image: "%s"\n        replicas: 0\n' "$NAME" "$BUSYBOX" >orcinus.yml
	# ssh asks for the user's home in the machine's accounts, not in $HOME
	mkdir -p "$T/bin"
	printf '#!/bin/sh\nexec /usr/bin/ssh -F "%s" "$@"\n' "$HOME/.ssh/config" >"$T/bin/ssh"
	chmod 755 "$T/bin/ssh"
	PATH=$T/bin:$PATH
	ssh_config
}

teardown() {
	docker -H "unix://$ENGINE2/docker.sock" service rm "$NAME" >/dev/null 2>&1 || :
	[ ! -d "$T/jump" ] || "$E2E_SERVERS/sshd" stop "$T/jump"
}

# ssh_config [LINE...]: what a user has who may come in.
ssh_config() {
	printf 'IdentityFile %s\nIdentitiesOnly yes\nUserKnownHostsFile %s\n' "$FAR/user" \
		"$FAR/known_hosts" >"$HOME/.ssh/config"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$HOME/.ssh/config"
}

created() {
	equal "${out%% *}" "$NAME"
	docker -H "unix://$ENGINE2/docker.sock" service inspect "$NAME" >/dev/null
}

no_ssh() {
	! pgrep -f "ssh -F $T/" >/dev/null
}

@test "TLS: docker's variables, a context and our options each lead there" {
	export DOCKER_HOST=tcp://localhost:$TLS_PORT
	DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/certs expect 0 cdeploy
	created
	expect 0 cdeploy --tls-ca "$T/certs/ca.pem" --tls-cert "$T/certs/cert.pem" --tls-key "$T/certs/key.pem"
	equal "${out% *}" "$NAME unchanged"
	unset DOCKER_HOST
	docker context create far --docker \
		"host=tcp://127.0.0.1:$TLS_PORT,ca=$T/certs/ca.pem,cert=$T/certs/cert.pem,key=$T/certs/key.pem" >/dev/null
	DOCKER_CONTEXT=far expect 0 cdeploy
	equal "${out% *}" "$NAME unchanged"
	DOCKER_HOST=tcp://127.0.0.1:1 expect 0 cdeploy --context far
	equal "${out% *}" "$NAME unchanged"
	docker context use far >/dev/null
	expect 0 cdeploy
	equal "${out% *}" "$NAME unchanged"
}

@test "TLS: an engine that somebody else certified is status 3" {
	cp "$CERTS/stranger.pem" "$T/certs/ca.pem"
	export DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT DOCKER_CERT_PATH=$T/certs
	DOCKER_TLS_VERIFY=1 expect 3 cdeploy
	message cdeploy "127.0.0.1:$TLS_PORT" 'certificate not trusted' --tls-ca
	# docker itself would check nothing here
	DOCKER_TLS=1 expect 3 cdeploy
	message cdeploy 'certificate not trusted'
}

@test "TLS: without a client certificate it is status 3 and says which option gives one" {
	rm "$T/certs/cert.pem" "$T/certs/key.pem"
	DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/certs expect 3 cdeploy
	message cdeploy 'client certificate' --tls-cert
}

@test "TLS: a client certificate of somebody else's is status 3 and named" {
	cp "$CERTS/stranger.pem" "$T/certs/cert.pem"
	cp "$CERTS/stranger.key" "$T/certs/key.pem"
	DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$T/certs expect 3 cdeploy
	message cdeploy "$T/certs/cert.pem" refused
}

@test "plain tcp to another machine is status 2, and to a port of TLS a line" {
	DOCKER_HOST=tcp://192.0.2.1:2375 expect 2 cdeploy
	message cdeploy 192.0.2.1 --insecure
	DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT expect 5 cdeploy
	message cdeploy "127.0.0.1:$TLS_PORT"
}

@test "ssh: a deploy, and no ssh is left" {
	DOCKER_HOST=ssh://root@127.0.0.1:$FAR_PORT expect 0 cdeploy
	created
	until_true no_ssh
	DOCKER_HOST=ssh://root@127.0.0.1:$FAR_PORT$ENGINE2/docker.sock expect 0 cdeploy
	equal "${out% *}" "$NAME unchanged"
	# one after the other on one connection
	equal "$(grep -c 'Starting session: command' "$FAR/log")" 2
}

@test "ssh: through a jump host of ~/.ssh/config" {
	jump=$("$E2E_SERVERS/sshd" start "$T/jump")
	cp "$FAR/user.pub" "$T/jump/authorized"
	cat "$FAR/known_hosts" "$T/jump/known_hosts" >"$T/known"
	printf 'Host far\n HostName 127.0.0.1\n Port %s\n User root\n ProxyJump root@127.0.0.1:%s\n' \
		"$FAR_PORT" "$jump" >>"$HOME/.ssh/config"
	sed -i "s,UserKnownHostsFile .*,UserKnownHostsFile $T/known," "$HOME/.ssh/config"
	DOCKER_HOST=ssh://far expect 0 cdeploy
	created
	grep -q 'Accepted publickey for root' "$T/jump/log" || fail "$(cat "$T/jump/log")"
	until_true no_ssh
}

@test "ssh: a host whose key is not known is status 3, whatever the configuration says" {
	: >"$T/none"
	ssh_config 'StrictHostKeyChecking no'
	export DOCKER_HOST=ssh://root@127.0.0.1:$FAR_PORT
	expect 3 cdeploy --ssh-known-hosts "$T/none"
	message cdeploy "$T/none" 'key is not in'
	expect 0 cdeploy --ssh-known-hosts "$FAR/known_hosts"
	created
	# another key than the one that is known
	printf '[127.0.0.1]:%s %s\n' "$FAR_PORT" "$(cut -d' ' -f1,2 "$FAR/user.pub")" >"$T/other"
	expect 3 cdeploy --ssh-known-hosts "$T/other"
	message cdeploy 'another key'
}

@test "ssh: who is not let in, and where nobody listens, is told in ssh's words" {
	ssh-keygen -q -t ed25519 -N '' -f "$T/key"
	sed -i "s,IdentityFile .*,IdentityFile $T/key," "$HOME/.ssh/config"
	DOCKER_HOST=ssh://root@127.0.0.1:$FAR_PORT expect 3 cdeploy
	message cdeploy 'Permission denied (publickey)'
	DOCKER_HOST=ssh://root@127.0.0.1:$(free_port) expect 5 cdeploy
	message cdeploy 'Connection refused'
	DOCKER_HOST='ssh://-oProxyCommand=touch x' expect 2 cdeploy
	[ ! -e x ]
}

@test "ssh: SIGTERM and SIGKILL leave no ssh behind" {
	sed -i 's/replicas: 0/replicas: 1/' orcinus.yml
	printf '        constraint: "node.labels.nowhere==yes"\n' >>orcinus.yml
	export DOCKER_HOST=ssh://root@127.0.0.1:$FAR_PORT
	for signal in TERM KILL; do
		cdeploy --pending-timeout 10m >"$T/stdout" 2>"$T/stderr" 3>&- &
		pid=$!
		until_true docker -H "unix://$ENGINE2/docker.sock" service inspect "$NAME" >/dev/null 2>&1
		kill -"$signal" "$pid"
		wait "$pid" || :
		until_true no_ssh
	done
}
