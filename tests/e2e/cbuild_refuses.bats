# What goes wrong in a build: the documented status, one message, nothing half-done.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
}

nothing_stored() {
	[ ! -e "$store/index.json" ] || equal "$(jq '.manifests | length' "$store/index.json")" 0
	nothing_in_tmp
}

@test "a RUN that exits 7 is status 1, with file, line and that 7" {
	printf 'FROM %s\n\nRUN echo to be seen && exit 7\nRUN touch /never\n' "$BUSYBOX" >Dockerfile
	expect 1 cbuild -t "$REPO" .
	message cbuild Dockerfile:3 7
	has "$err" 'to be seen'
	equal "$out" ''
	nothing_stored
}

@test "a RUN whose program is not there is status 1 and names it" {
	printf 'FROM %s\nRUN ["/bin/none-such", "x"]\n' "$BUSYBOX" >Dockerfile
	expect 1 cbuild .
	message cbuild Dockerfile:2 /bin/none-such
}

@test "an unknown instruction is status 2 with its line, before anything runs" {
	printf 'FROM %s\nRUN touch %s/ran\nFORM x\n' "$BUSYBOX" "$T" >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:3 FORM
	nothing_stored
}

@test "what is wrong in the text is status 2 and shown with its line, before anything runs" {
	# WORDS… | the instruction
	while IFS='|' read -r words line; do
		printf 'FROM %s\nRUN touch %s/ran\n%b\n' "$BUSYBOX" "$T" "$line" >Dockerfile
		expect 2 cbuild .
		# shellcheck disable=SC2086 # words
		message cbuild Dockerfile:3 $words
		equal "$(sed -n 1p <<<"$err")" Dockerfile:3
		has "$(sed -n 2p <<<"$err")" '     3 | '
		equal "$out" ''
		nothing_stored
	done <<-'EOF'
		unknown FORM FROM?|FORM x
		unknown --form from?|COPY --form=x a b
		unexpected taget target?|RUN --mount=taget=/x true
		unsupported cahce cache?|RUN --mount=type=cahce,target=/x true
		labs|RUN --device=x true
		unterminated EOF|RUN <<EOF\necho\n EOF
		strings only|CMD ["a", 1]
		missing }|ENV a=${b
		modifier|LABEL a=${b!c}
		JSON|SHELL /bin/sh -c
		signal|STOPSIGNAL SIGNOPE
		duration|HEALTHCHECK --interval=5 CMD true
		trigger|ONBUILD FROM x
		at least two|COPY a
		three|FROM a b
	EOF
	[ ! -e "$T/ran" ]
}

@test "an empty file, NUL bytes and a line of 10 MB are status 2 and say where" {
	: >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile empty
	printf '# nothing\n\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile 'no instructions'
	printf 'FROM scratch\nLABEL a=\0b\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 NUL
	{
		printf 'FROM scratch\nLABEL a='
		head -c 10000000 /dev/zero | tr '\0' x
	} >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 8388608
	[ "${#err}" -lt 1000 ]
	nothing_stored
}

@test "a step that fails is shown with its line; for programs that is an event" {
	printf 'FROM scratch\nCOPY . \\\n  nothing /x/\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 nothing
	has "$err" '     3 |   nothing /x/
       |   ^^^^^^^
cbuild: '
	expect 2 cbuild --progress=json .
	while read -r line; do
		jq -e .kind <<<"$line" >/dev/null
	done < <(grep -v '^cbuild: ' <<<"$err")
	has "$err" '^^^^^^^\n'
}

@test "COPY of what is not there is named with its line" {
	printf 'FROM %s\nCOPY nothing /\n' "$BUSYBOX" >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:2 nothing
	nothing_stored
}

@test "COPY cannot leave the context" {
	echo secret >"$T/outside"
	ln -s ../outside link
	printf 'FROM scratch\nCOPY ../outside /\n' >Dockerfile
	cbuild . >"$T/stdout" 2>"$T/stderr" && fail 'it was built'
	printf 'FROM scratch\nCOPY link/ /x\n' >Dockerfile
	cbuild . >"$T/stdout" 2>"$T/stderr" || :
	! grep -rqs secret "$store" || fail 'a file outside of the context is in the store'
}

@test "no Dockerfile, no context, an unknown option, a missing argument" {
	expect 4 cbuild .
	message cbuild Dockerfile
	expect 4 cbuild "$T/none"
	message cbuild "$T/none"
	expect 2 cbuild --no-such-option .
	message cbuild --no-such-option
	expect 2 cbuild
	message cbuild
	echo 'FROM scratch' >Dockerfile
	expect 2 cbuild Dockerfile
	message cbuild Dockerfile directory -f
	expect 2 cbuild -t team/Small .
	message cbuild --tag team/Small
	has_no "$err" "output '"
}

@test "results that cannot be written are told before anything is run" {
	printf 'FROM %s\nRUN touch /x\n' "$BUSYBOX" >Dockerfile
	for option in --iidfile --digest-file --metadata-file --dotenv; do
		expect 4 cbuild -t "$REPO" "$option" "$T/none/file" .
		message cbuild "$option" "$T/none/file"
		has_no "$err" RUN
	done
	nothing_stored
}

@test "an image that the registry does not have is status 4" {
	printf 'FROM %s/none:1\n' "$E2E_REGISTRY" >Dockerfile
	expect 4 cbuild .
	message cbuild Dockerfile:1 "$E2E_REGISTRY/none:1"
	nothing_stored
}

@test "a registry that is down is status 5" {
	printf 'FROM 127.0.0.1:%s/x:1\n' "$(free_port)" >Dockerfile
	expect 5 cbuild .
	message cbuild Dockerfile:1 127.0.0.1
	nothing_stored
}

@test "a full disk is status 7 and names the place" {
	mkdir "$T/small"
	mount -t tmpfs -o size=8m tmpfs "$T/small"
	printf 'FROM %s\nCOPY big /\n' "$BUSYBOX" >Dockerfile
	head -c 12000000 /dev/urandom >big
	got=0
	cbuild --root "$T/small/root" . >"$T/stdout" 2>"$T/stderr" || got=$?
	err=$(cat "$T/stderr") out=''
	left=$(find "$T/small/root/tmp" -mindepth 1 ! -name .lock 2>/dev/null) || :
	umount "$T/small"
	equal "$got" 7 "$err"
	message cbuild "$T/small" 'No space left'
	equal "$left" ''
}

@test "a blob of the cache that was changed on disk is not used" {
	printf 'FROM %s\nRUN touch /x\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	first=$out
	layer=$(blob "$store" "$first" | jq -r '.layers[0].digest')
	rm -rf "$CBUILD_ROOT/cache/trees"
	files=$(find "$CBUILD_ROOT" -name "${layer#sha256:}" -type f)
	[ -n "$files" ]
	for file in $files; do
		chmod u+w "$file"
		printf 'XXXX' | dd of="$file" bs=1 seek=2000 conv=notrunc status=none
	done
	got=0
	# the step must be carried out: what is found in the step cache reads no layer of its base
	cbuild --no-cache -t "$REPO" . >"$T/stdout" 2>"$T/stderr" || got=$?
	out=$(cat "$T/stdout") err=$(cat "$T/stderr")
	if [ "$got" -eq 0 ]; then
		# fetched anew: then the store is whole
		equal "$(sha256sum <"$store/blobs/${layer/://}" | cut -d' ' -f1)" "${layer#sha256:}"
	else
		equal "$got" 1
		message cbuild "${layer#sha256:}"
	fi
	nothing_in_tmp
}

@test "the store of a build that failed is what it was before" {
	printf 'FROM %s\nRUN touch /one\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild -t "$REPO:1" .
	before=$(cat "$store/index.json")
	printf 'FROM %s\nRUN touch /two\nRUN false\n' "$BUSYBOX" >Dockerfile
	expect 1 cbuild -t "$REPO:1" .
	equal "$(cat "$store/index.json")" "$before"
	nothing_in_tmp
}
