# The text of a Dockerfile: here-documents and variables, through to what a command sees.

load helper

setup() {
	begin
	store=$CBUILD_ROOT/store
}

@test "here-documents of RUN reach the shell as they are written" {
	cat >Dockerfile <<-'EOF'
		# escape=`
		FROM BUSYBOX
		ARG who=world
		RUN <<one
		set -e
		# not a comment of ours
		printf '%s\n' "hello $who" >/one
		one
		RUN cat <<"two" >/two && `
		  cat <<-three >/three
		$who \
		two
			$who
				tabs
			three
	EOF
	sed -i "s|BUSYBOX|$BUSYBOX|" Dockerfile
	expect 0 cbuild -t "$REPO" .
	unpack "$store" "$T/out" "$out"
	equal "$(cat "$T/out/one")" 'hello world'
	equal "$(cat "$T/out/two")" '$who \'
	equal "$(cat "$T/out/three")" 'world
tabs'
}

@test "every form of a variable gives what docker gives" {
	cat >Dockerfile <<-'EOF'
		FROM scratch
		ENV path=/usr/lib/x.so.1 empty= a="one two"
		LABEL dash=${no-d}${empty-d} colon=${empty:-"d e"} plus=${empty+p}${empty:+q} \
		      short=${path#*/} long=${path##*/} \
		      tail=${path%.*} stem=${path%%.*} swap=${path/x*/$a} all=${path//\//-} \
		      single='$a' mixed=a"$a"\$b
	EOF
	expect 0 cbuild -t "$REPO" .
	labels=$(config "$store" "$out" .config.Labels)
	while IFS='|' read -r key value; do
		equal "$(jq -r --arg k "$key" '.[$k]' <<<"$labels")" "$value" "$key"
	done <<-'EOF'
		dash|d
		colon|d e
		plus|p
		short|usr/lib/x.so.1
		long|x.so.1
		tail|/usr/lib/x.so
		stem|/usr/lib/x
		swap|/usr/lib/one two
		all|-usr-lib-x.so.1
		single|$a
		mixed|aone two$b
	EOF
	printf 'FROM scratch\nARG v\nLABEL a="${v:?give it with --build-arg}"\n' >Dockerfile
	expect 2 cbuild .
	message cbuild Dockerfile:3 'v: give it with --build-arg'
	expect 0 cbuild --build-arg v=1 .
}
