# RUN --mount in all its types, --network, and what of them must not be left anywhere.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
	mkdir sub
	echo 'of the context' >a
	echo deep >sub/b
	printf 'geh-eim-42' >"$T/token"
}

teardown() {
	local pid
	for pid in ${AGENT_PID-} ${BUILD_PID-}; do
		kill "$pid" 2>/dev/null || :
	done
}

build() {
	expect 0 cbuild "$@" .
}

build_as_user() {
	mkdir -p "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user" "$T/token"
	chmod -R a+rX .
	store=$T/user/root/store
	expect 0 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" "$@" .
}

# One Dockerfile with every type; each RUN also writes one file of its own.
every_type() {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS other
	RUN mkdir /d && echo 'of the stage' >/d/f && chown 7:8 /d/f && ln -s / /d/out
	FROM $BUSYBOX
	RUN --mount=type=bind,target=/src,source=. cat /src/a /src/sub/b >/bind; ! touch /src/a
	RUN --mount=from=other,source=/d,target=/stage/d cat /stage/d/f >/stage-seen; stat -c %u:%g /stage/d/f >>/stage-seen
	RUN --mount=from=other,source=/d/out/d,target=/link cat /link/f >/link-seen
	RUN --mount=from=other,target=/rw,rw echo x >/rw/new && rm /rw/d/f && test -e /rw/new && echo ok >/rw-seen
	RUN --mount=from=other,target=/rw test ! -e /rw/new && test -e /rw/d/f && echo ok >/rw-gone
	RUN --mount=target=/ctx,rw echo x >/ctx/a && echo ok >/ctx-seen
	RUN --mount=type=tmpfs,target=/scratch,size=1m echo x >/scratch/x; ! dd if=/dev/zero of=/scratch/big bs=1k count=2k; echo ok >/tmpfs
	RUN --mount=type=cache,target=/var/cache/own echo x >>/var/cache/own/n; wc -l </var/cache/own/n >/cache
	RUN --mount=type=secret,id=token stat -c '%a %u:%g' /run/secrets/token >/secret; wc -c </run/secrets/token >>/secret; ! touch /run/secrets/token
	RUN --mount=type=secret,id=token,env=TOKEN test -n "\$TOKEN" && echo ok >/secret-env
	RUN --mount=type=secret,id=absent test ! -e /run/secrets && echo ok >/absent
	RUN --mount=type=bind,target=/deep/er --mount=type=tmpfs,target=/deep echo ok >/nested; test -e /deep/er/a
	RUN <<EOF3
	#!/bin/sh
	echo "\$0" >/script
	EOF3
	EOF2
}

seen() {
	has "$(cat "$T/tree/$1")" "$2"
}

all_seen() {
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/bind")" "$(cat a sub/b)"
	equal "$(cat "$T/tree/stage-seen")" $'of the stage\n7:8'
	seen link-seen 'of the stage'
	seen rw-seen ok
	seen rw-gone ok
	seen ctx-seen ok
	seen tmpfs ok
	seen cache 1
	equal "$(cat "$T/tree/secret")" $'400 0:0\n10'
	seen secret-env ok
	seen absent ok
	seen nested ok
	equal "$(cat "$T/tree/script")" /dev/pipes/EOF3
	equal "$(cat a)" 'of the context'
	# no mount point, and nothing that was in a mount, is in any layer: one file each, and what leads there
	local layer
	for layer in $(blob "$store" "$out" | jq -r '.layers[1:][].digest'); do
		equal "$(tar -tzf "$store/blobs/${layer/://}" | wc -l)" 1 "$(tar -tzf "$store/blobs/${layer/://}")"
	done
}

@test "every type of mount shows what it is to show, and leaves nothing in a layer" {
	every_type
	build --secret "id=token,src=$T/token"
	all_seen
	nothing_in_tmp
}

@test "the same for a user who is not root" {
	every_type
	build_as_user --secret "id=token,src=$T/token"
	all_seen
	nothing_in_tmp "$T/user/root"
}

@test "what .dockerignore excludes is not in a mount, and files are root's" {
	echo sub >.dockerignore
	chown 4242 a
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=target=/src ls -A /src >/list && stat -c %u:%g /src/a >/owner
	EOF2
	build
	unpack "$store" "$T/tree" "$out"
	equal "$(tr '\n' ' ' <"$T/tree/list")" '.dockerignore Dockerfile a '
	equal "$(cat "$T/tree/owner")" 0:0
}

@test "a source cannot lead out of the context" {
	echo secret >"$T/outside"
	ln -s "$T/outside" link
	ln -s / root
	for source in link root/etc/hostname ../outside; do
		printf 'FROM %s\nRUN --mount=source=%s,target=/x cat /x\n' "$BUSYBOX" "$source" >Dockerfile
		expect 2 cbuild .
		message cbuild Dockerfile:2 "$source"
	done
}

@test "a secret is nowhere: not in the state, the output, or what other processes can see" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --mount=type=secret,id=token --mount=type=secret,id=token,env=TOKEN --mount=type=cache,target=/c \
	cat /run/secrets/token && echo && echo "it is \$TOKEN" >&2 && touch /c/here && while [ ! -e /c/go ]; do sleep 0.1; done
	EOF2
	cbuild -v -v --secret "id=token,src=$T/token" -o type=oci,dest="$T/out",tar=false . \
		>"$T/stdout" 2>"$T/stderr" </dev/null 3>&- &
	BUILD_PID=$!
	local pid seen=0
	until_true sh -c "ls $CBUILD_ROOT/cache/mounts/*/here 2>/dev/null"
	! grep -rlF geh-eim-42 "$CBUILD_ROOT" || fail 'in the state'
	# cbuild and its helper, which keeps the RUN; the RUN itself has it, of course
	for pid in $(pgrep -x cbuild); do
		! tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -F geh-eim-42 || fail 'in arguments'
		! tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -F geh-eim-42 || fail 'in an environment'
		seen=$((seen + 1))
	done
	[ "$seen" -ge 2 ] || fail "$seen processes"
	touch "$(dirname "$CBUILD_ROOT"/cache/mounts/*/here)/go"
	wait "$BUILD_PID"
	out=$(cat "$T/stdout") err=$(cat "$T/stderr")
	has "$err" 'it is ***'
	has_no "$out$err" geh-eim-42
	! grep -rlF geh-eim-42 "$CBUILD_ROOT" "$T/out" || fail 'in the state'
	unpack "$T/out" "$T/tree" "$out"
	! grep -rlF geh-eim-42 "$T/tree" || fail 'in a layer'
	config "$T/out" "$out" . | grep -F geh-eim-42 && fail 'in the configuration'
	[ ! -e "$T/tree/run" ]
}

@test "a secret that is required and not there is told, one that nobody asks for is warned about" {
	printf 'FROM %s\nRUN --mount=type=secret,id=token,required=true x\n' "$BUSYBOX" >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 'secret token: not found'
	printf 'FROM %s\nRUN true\n' "$BUSYBOX" >Dockerfile
	build --secret "id=token,src=$T/token"
	has "$err" '--secret id=token: no RUN asks for it'
	expect 4 cbuild --secret "id=token,src=$T/none" .
	message cbuild 'id=token' "$T/none"
}

@test "a cache outlives the build and is seen by the next" {
	printf 'FROM %s\nARG N\nRUN --mount=type=cache,id=../../x,target=/c echo x >>/c/n; wc -l </c/n\n' "$BUSYBOX" >Dockerfile
	build --build-arg N=1
	has "$err" '  1'
	build --build-arg N=2
	has "$err" '  2'
	equal "$(last_layer "$store" "$out")" ''
	[ ! -e "$CBUILD_ROOT/x" ] && [ ! -e "$T/x" ]
}

@test "a locked cache is one build's at a time" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	ARG WHO
	RUN --mount=type=cache,target=/c,sharing=locked \
	test ! -e /c/busy && touch /c/busy && echo \$WHO >>/c/log && while ! test -e /c/go; do sleep 0.1; done && rm /c/busy
	EOF2
	cbuild --build-arg WHO=first . >"$T/first" 2>&1 </dev/null 3>&- &
	BUILD_PID=$!
	until_true sh -c "ls $CBUILD_ROOT/cache/mounts/*/busy 2>/dev/null"
	cbuild --build-arg WHO=second . >"$T/second" 2>&1 </dev/null 3>&- &
	local second=$!
	until_true grep -q "waiting for the cache '/c'" "$T/second"
	touch "$(dirname "$CBUILD_ROOT"/cache/mounts/*/busy)/go"
	wait "$BUILD_PID" || fail "$(cat "$T/first")"
	wait "$second" || fail "$(cat "$T/second")"
	equal "$(cat "$CBUILD_ROOT"/cache/mounts/*/log | tr '\n' ' ')" 'first second '
}

# Says how many keys the agent has, then asks it to forget them all.
ssh_client() {
	cat >"$T/client.c" <<-'EOF2'
	#include <stdio.h>
	#include <stdlib.h>
	#include <string.h>
	#include <sys/socket.h>
	#include <sys/un.h>
	#include <unistd.h>
	static int ask(int fd, unsigned char kind, unsigned char *answer, size_t max)
	{
		const unsigned char q[] = { 0, 0, 0, 1, kind };
		size_t n = 0, want = 4;
		if (write(fd, q, 5) != 5)
			return -1;
		while (n < want) {
			ssize_t r = read(fd, answer + n, (want < max ? want : max) - n);
			if (r <= 0)
				return -1;
			n += (size_t)r;
			if (n >= 4)
				want = 4 + ((size_t)answer[2] << 8 | answer[3]);
		}
		return answer[4];
	}
	int main(void)
	{
		struct sockaddr_un at = { .sun_family = AF_UNIX };
		unsigned char a[65536];
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (!getenv("SSH_AUTH_SOCK"))
			return 3;
		strncpy(at.sun_path, getenv("SSH_AUTH_SOCK"), sizeof(at.sun_path) - 1);
		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
			return 4;
		if (ask(fd, 11, a, sizeof(a)) != 12)
			return 5;
		printf("keys %d\n", a[8]);
		printf("forget %d\n", ask(fd, 19, a, sizeof(a)));
		return 0;
	}
	EOF2
	cc -O1 -static -o client "$T/client.c"
}

begin_agent() {
	eval "$(ssh-agent -a "$T/agent")" >/dev/null
	AGENT_PID=$SSH_AGENT_PID
	ssh-keygen -q -t ed25519 -N '' -f "$T/key"
	ssh-add -q "$T/key"
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN echo u:x:1000:1000::/:/bin/sh >>/etc/passwd && echo u:x:1000: >>/etc/group
	RUN --mount=type=ssh --mount=target=/src /src/client
	USER u
	RUN --mount=type=ssh,uid=1000,required --mount=target=/src /src/client; test -n "\$SSH_AUTH_SOCK"
	RUN --mount=type=ssh,id=other --mount=target=/src /src/client; test \$? = 4
	EOF2
}

agent_was_reached() {
	equal "$(grep -c 'keys 1$' <<<"$err")" 2
	equal "$(grep -c 'forget 5$' <<<"$err")" 2
	equal "$(ssh-add -l | wc -l)" 1
	has_no "$(tar -tzf "$store/blobs/$(blob "$store" "$out" | jq -r '.layers[2].digest' | tr : /)")" run
}

@test "an ssh agent lists keys for RUN, whoever it runs as, and forgets none" {
	ssh_client
	begin_agent
	build --ssh default
	agent_was_reached
}

@test "an ssh agent is reached where nothing can be mounted" {
	ssh_client
	begin_agent
	expect 0 deny --docker -- cbuild --isolation=chroot --ssh default .
	agent_was_reached
}

@test "an ssh agent is reached without being root, too" {
	ssh_client
	begin_agent
	chown 4242 "$T/agent"
	kill "$AGENT_PID"
	rm -f "$T/agent"
	chmod 644 "$T/key"
	mkdir "$T/keys" && cp "$T/key" "$T/keys" && chown -R 4242 "$T/keys" && chmod 600 "$T/keys/key"
	chmod 1777 "$T"
	AGENT_PID=$(as_user sh -c "eval \$(ssh-agent -a $T/agent) >/dev/null; ssh-add -q $T/keys/key; echo \$SSH_AGENT_PID")
	build_as_user --ssh "default=$T/agent"
	export SSH_AUTH_SOCK=$T/agent
	agent_was_reached
}

@test "ssh: what is missing is told, and files with keys are refused" {
	printf 'FROM %s\nRUN --mount=type=ssh,required x\n' "$BUSYBOX" >Dockerfile
	unset SSH_AUTH_SOCK
	expect 2 cbuild .
	message cbuild Dockerfile:2 '--ssh default'
	expect 2 cbuild --ssh default .
	message cbuild SSH_AUTH_SOCK
	expect 2 cbuild --ssh "default=$T/token" .
	message cbuild ssh-add
}

@test "RUN has the network it asks for, and the names and limits of the command line" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN --network=none ls /sys/class/net && ping -c 1 127.0.0.1
	RUN ls /sys/class/net | wc -l; cat /etc/hosts; ulimit -n; df -k /dev/shm | tail -n 1
	EOF2
	build --add-host far:192.0.2.7 --ulimit nofile=100:200 --shm-size 8m
	has "$err" '  lo'
	has "$err" '0% packet loss'
	has "$err" $'  192.0.2.7\tfar'
	has "$err" '  100'
	has "$err" '8192'
	build --network none
	has "$err" $'  1\n'
	printf 'FROM %s\nRUN --network=host true\n' "$BUSYBOX" >Dockerfile
	expect 2 cbuild --network none .
	message cbuild Dockerfile:2 'not allowed'
	build --network none --allow network.host
	printf 'FROM %s\nRUN --security=insecure true\n' "$BUSYBOX" >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 'insecure'
}
