# What a build takes from a Dockerfile and its context, and what it makes of it.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
}

@test "an image on a base from a registry has the base's files, the copied one and what RUN made" {
	echo hello >greeting
	dockerfile <<-EOF2
	# comment
	FROM $BUSYBOX
	COPY greeting /etc/greeting
	RUN echo made >/etc/made && \\
	    chmod 600 /etc/made
	EOF2
	expect 0 cbuild -t "$REPO" .
	[[ $(tail -n 1 "$T/stdout") =~ ^sha256:[0-9a-f]{64}$ ]] || fail 'stdout does not end with the digest'
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/etc/greeting")" hello
	equal "$(cat "$T/tree/etc/made")" made
	equal "$(stat -c %a "$T/tree/etc/made")" 600
	[ -x "$T/tree/bin/busybox" ]
	nothing_in_tmp
}

@test "the layers of the base stay what they were, byte for byte" {
	printf 'FROM %s\nRUN true >/new\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	base=$(jq -r '.manifests[0].digest' "$E2E_BUSYBOX_LAYOUT/index.json")
	equal "$(blob "$store" "$out" | jq -r '.layers[0].digest')" \
		"$(blob "$E2E_BUSYBOX_LAYOUT" "$base" | jq -r '.layers[0].digest')"
	equal "$(blob "$store" "$out" | jq '.layers | length')" 2
}

@test "a base can come from an OCI layout in place of the name in FROM" {
	printf 'FROM base.example/none:1\nRUN busybox true\n' >Dockerfile
	expect 0 cbuild --build-context "base.example/none:1=oci-layout://$E2E_BUSYBOX_LAYOUT:1" .
}

@test "an image from scratch has only what was copied into it" {
	cp /bin/busybox .
	printf 'FROM scratch\nCOPY busybox /\nENTRYPOINT ["/busybox"]\n' >Dockerfile
	expect 0 cbuild .
	equal "$(last_layer "$store" "$out")" busybox
	equal "$(config "$store" "$out" '.config.Entrypoint | join(" ")')" /busybox
}

@test "a stage takes files from another, and the stages' other files stay out" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS make
	RUN mkdir /out && echo program >/out/program && echo waste >/waste
	FROM $BUSYBOX AS unused
	RUN exit 1
	FROM scratch
	COPY --from=make --chown=1000:1001 --chmod=750 /out/ /opt/
	EOF2
	expect 0 cbuild .
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/opt/program")" program
	equal "$(stat -c '%u:%g %a' "$T/tree/opt/program")" '1000:1001 750'
	[ ! -e "$T/tree/waste" ]
}

@test "--target stops at a stage" {
	printf 'FROM %s AS first\nLABEL is=first\nFROM first\nLABEL is=second\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild --target first .
	equal "$(config "$store" "$out" .config.Labels.is)" first
}

@test "ARG, ENV and LABEL have the values docker gives them" {
	dockerfile <<-EOF2
	ARG BASE=none.example/none
	FROM \${BASE}
	ARG WHO=nobody
	ARG UNSET
	ENV GREETING="hello \$WHO" LATER=\${UNSET:-default}
	ENV MORE=\$GREETING!
	LABEL one=1 "two words"="\$LATER"
	RUN echo "\$WHO,\$GREETING,\$MORE" >/values
	EOF2
	expect 0 cbuild --build-arg "BASE=$BUSYBOX" --build-arg WHO=world --label added=yes .
	equal "$(config "$store" "$out" '.config.Env | map(select(startswith("PATH=") | not)) | join("|")')" \
		'GREETING=hello world|LATER=default|MORE=hello world!'
	equal "$(config "$store" "$out" '.config.Labels | [.one, .["two words"], .added] | join("|")')" '1|default|yes'
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/values")" 'world,hello world,hello world!'
}

@test "WORKDIR, USER, EXPOSE, CMD and ENTRYPOINT reach the config, and RUN obeys them" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	WORKDIR /srv/app
	RUN pwd >where && chown 1000 .
	USER app
	RUN id -u >who && id -g >>who && echo "\$HOME" >>who
	EXPOSE 8080 53/udp
	ENTRYPOINT ["/bin/sh", "-c"]
	CMD ["echo hi"]
	EOF2
	expect 0 cbuild .
	equal "$(config "$store" "$out" '.config | [.WorkingDir, .User, (.ExposedPorts | keys | join(" ")),
		(.Entrypoint | join(" ")), (.Cmd | join(" "))] | join("|")')" \
		'/srv/app|app|53/udp 8080/tcp|/bin/sh -c|echo hi'
	unpack "$store" "$T/tree" "$out"
	equal "$(cat "$T/tree/srv/app/where")" /srv/app
	equal "$(tr '\n' ' ' <"$T/tree/srv/app/who")" '1000 1001 /tmp '
}

@test ".dockerignore keeps files out, and takes back what it should" {
	mkdir -p src/deep .git
	touch app.py notes.md README.md src/deep/a.pyc src/deep/a.py .git/config secret
	printf '# not these\n*.md\n!README.md\n**/*.pyc\n.git\nsecret\n.dockerignore\nDockerfile\n' >.dockerignore
	printf 'FROM scratch\nCOPY . /\n' >Dockerfile
	expect 0 cbuild .
	equal "$(last_layer "$store" "$out" | grep -v '/$' | sort | tr '\n' ' ')" 'README.md app.py src/deep/a.py '
}

@test "a file taken away by RUN is gone from the image" {
	printf 'FROM %s\nRUN rm /etc/group && rm -r /www && mkdir /www && touch /www/new\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -t "$REPO:gone" .
	has "$(last_layer "$store" "$out")" etc/.wh.group
	expect 0 cpush "$REPO:gone"
	expect 1 engine run --rm "$REPO:gone" ls /etc/group
}

@test "RUN keeps hard links, symbolic links, owners, modes and times of files" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN mkdir /t && cd /t && echo x >a && ln a b && ln -s a c && chown 5:6 a && chmod 4755 a && \
	    touch -d '2001-02-03 04:05:06' a && mkfifo p
	EOF2
	expect 0 cbuild .
	unpack "$store" "$T/tree" "$out"
	cd "$T/tree/t"
	equal "$(stat -c '%u:%g %a %h %Y' a)" '5:6 4755 2 981173106'
	equal "$(stat -c %i a)" "$(stat -c %i b)"
	equal "$(readlink c)" a
	[ -p p ]
}

@test "RUN sees /proc, /dev, /sys and name resolution, and leaves no trace of them in the layer" {
	dockerfile <<-EOF2
	FROM $BUSYBOX
	RUN test -r /proc/self/status && test -c /dev/null && test -d /sys/kernel && test -s /etc/resolv.conf
	RUN test "\$\$" -lt 10 && touch /only
	EOF2
	expect 0 cbuild .
	equal "$(last_layer "$store" "$out")" only
}

@test "a Dockerfile elsewhere, several tags and an OCI layout as output" {
	mkdir "$T/else"
	printf 'FROM %s\nCOPY one /\n' "$BUSYBOX" >"$T/else/My.file"
	touch one
	expect 0 cbuild -f "$T/else/My.file" -t "$REPO:1" -t "$REPO:2" -o "type=oci,dest=$T/layout,tar=false" .
	digest=$out
	equal "$(skopeo inspect --format '{{.Digest}}' "oci:$T/layout:1" 2>/dev/null ||
		skopeo inspect --format '{{.Digest}}' "oci:$T/layout:$REPO:1" 2>/dev/null ||
		jq -r '.manifests[0].digest' "$T/layout/index.json")" "$digest"
}

@test "skopeo and docker accept the image, and it runs with its own command" {
	printf 'FROM %s\nUSER 1000\nWORKDIR /tmp\nCMD ["sh", "-c", "id -u; pwd"]\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -t "$REPO:run" .
	digest=$out
	expect 0 cpush "$REPO:run"
	equal "$(remote_digest "$REPO:run")" "$digest"
	expect 0 engine run --rm "$REPO:run"
	equal "$(tr '\n' ' ' <<<"$out")" '1000 /tmp '
}

@test "the history names every instruction, and only those with a layer are not empty" {
	printf 'FROM %s\nENV A=1\nRUN touch /x\nCMD ["x"]\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	equal "$(config "$store" "$out" '[.history[-3:][] | .empty_layer // false | tostring] | join(" ")')" \
		'true false true'
	# as many as there are layers, although the base has no history of its own
	equal "$(config "$store" "$out" '(.history | map(select(.empty_layer | not)) | length) -
		(.rootfs.diff_ids | length)')" 0
}
