# The same input gives the same image: at another time, in another place, for another user.

load helper

setup() {
	begin
	export SOURCE_DATE_EPOCH=1700000000
	mkdir app
	echo one >app/one
	echo two >app/two
	dockerfile <<-EOF2
	FROM $BUSYBOX
	COPY --chown=1000:1001 app /srv/app
	RUN mkdir -p /var/lib/x && date >/dev/null && chown 7:8 /var/lib/x && echo made >/var/lib/x/made
	USER app
	WORKDIR /srv/app
	RUN id -u >/tmp/id
	EOF2
}

@test "two builds with SOURCE_DATE_EPOCH have one digest" {
	expect 0 cbuild --root "$T/root1" .
	first=$out
	cp -r . "$T/copy"
	touch -d '2034-05-06' "$T"/copy/app/*
	expect 0 cbuild --root "$T/root2" "$T/copy"
	equal "$out" "$first"
}

@test "a user without rights builds the very image that root builds" {
	expect 0 cbuild .
	first=$out
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	expect 0 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" -t "$REPO" .
	equal "$out" "$first"
	# what the mapped ids own is only theirs to remove
	nothing_in_tmp "$T/user/root"
}

@test "a user's build removes what it unpacked, whoever owned it" {
	mkdir "$T/bin" "$T/user"
	cp "$E2E_BIN/cbuild" "$T/bin"
	chown 4242:4242 "$T/user"
	printf 'FROM %s\nRUN mkdir /d && touch /d/f && chown -R 9:9 /d && chmod 0 /d\nRUN exit 3\n' "$BUSYBOX" >Dockerfile
	expect 1 as_user env HOME="$T/user" "$T/bin/cbuild" --root "$T/user/root" .
	message cbuild Dockerfile:3 3
	nothing_in_tmp "$T/user/root"
}
