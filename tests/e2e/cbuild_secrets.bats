# What a job knows and an image must not.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
	export CI_JOB_TOKEN=geheim-1 REGISTRY_PASSWORD=geheim-2 SOME_VARIABLE=geheim-3
	export CI_REGISTRY=$E2E_REGISTRY CI_REGISTRY_USER=u CI_REGISTRY_PASSWORD=geheim-4
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"other.example":{"auth":"%s"}}}' "$(printf 'u:geheim-5' | base64)" \
		>"$HOME/.docker/config.json"
}

@test "RUN gets an environment made from nothing, and no file of the machine" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	ENV MINE=1
	RUN env >/env; cat /proc/1/environ /proc/self/environ >/environ; ls /proc/self/fd | wc -l >/fds
	EOF2
	expect 0 cbuild .
	unpack "$store" "$T/tree" "$out"
	equal "$(sed 's/=.*//' "$T/tree/env" | grep -vxE 'PWD|SHLVL|_|OLDPWD' | sort | tr '\n' ' ')" 'HOME MINE PATH '
	has_no "$(tr '\0' '\n' <"$T/tree/environ")" geheim
	# 0, 1, 2, and the folder that ls reads
	equal "$(cat "$T/tree/fds")" 4
}

@test "no secret of the environment is in the layers, the config, the output or the state" {
	printf 'FROM %s\nARG SOME_VARIABLE\nRUN env && cat /proc/*/environ >/all 2>/dev/null; true\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -v -v .
	has_no "$out$err" geheim
	unpack "$store" "$T/tree" "$out"
	! grep -rq geheim "$T/tree" || fail 'in a layer'
	! grep -rq geheim "$CBUILD_ROOT" || fail 'in the state'
}

@test "RUN has docker's capabilities and no more" {
	printf 'FROM %s\nRUN grep CapEff /proc/self/status >/caps; mount -t tmpfs x /tmp && touch /mounted; true\n' \
		"$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	unpack "$store" "$T/tree" "$out"
	equal "$(awk '{ print $2 }' "$T/tree/caps")" 00000000a80425fb
	[ ! -e "$T/tree/mounted" ]
}
