#!/usr/bin/env bats
# What `make install` puts where, and what shells do with it.

load helper

setup_file() {
	export TOP INSTALLED
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	INSTALLED=$BATS_FILE_TMPDIR/root
	installed install
}

# BUILD as it was given to the tests: what is there is not made again.
installed() {
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$TOP" BUILD="$(realpath --relative-to "$TOP" "$E2E_BUILD")" \
		PREFIX=/usr DESTDIR="$INSTALLED" "$@" >/dev/null
}

setup() {
	begin
	share=$INSTALLED/usr/share
}

# What is shown when WORDS are typed and Tab is pressed twice.
tab() {
	zsh -f "$BATS_TEST_DIRNAME/press_tab.zsh" "$@"
}

options_in_help() {
	"$1" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

@test "the tools, manual pages and completions are where shells and man look, and go again" {
	equal "$(cd "$INSTALLED/usr" && find bin share/man share/zsh share/fish share/bash-completion -type f | LC_ALL=C sort | tr '\n' ' ')" \
		"$(printf '%s ' bin/{cbuild,cdeploy,cpush} share/bash-completion/completions/{cbuild,cdeploy,cpush} \
			share/fish/vendor_completions.d/{cbuild,cdeploy,cpush}.fish \
			share/man/man1/{cbuild,cdeploy,cpush}.1 share/zsh/site-functions/_{cbuild,cdeploy,cpush})"
	cp -a "$INSTALLED" "$T/again"
	INSTALLED=$T/again installed uninstall
	equal "$(find "$T/again" ! -type d)" ''
}

@test "every option of --help is completed by each shell" {
	local tool shell
	for tool in cbuild cpush cdeploy; do
		bash -n "$share/bash-completion/completions/$tool"
		zsh -n "$share/zsh/site-functions/_$tool"
		fish --no-config -n "$share/fish/vendor_completions.d/$tool.fish"
		options_in_help "$tool" >"$T/options"
		[ "$(wc -l <"$T/options")" -gt 20 ] || fail "$tool has few options"
		tab bash "$share/bash-completion/completions" "$tool --" >"$T/bash"
		tab zsh "$share/zsh/site-functions" "$tool --" >"$T/zsh"
		fish --no-config -c "source $share/fish/vendor_completions.d/$tool.fish; complete -C '$tool --'" >"$T/fish"
		for shell in bash zsh fish; do
			grep -oE -- '--[a-z-]+' "$T/$shell" | sort -u >"$T/completed"
			equal "$(sort -u "$T/options" | comm -23 - "$T/completed")" '' "$tool in $shell"
		done
	done
}

@test "values, files, folders and commands are completed" {
	local shell from
	mkdir data
	touch file.yml
	for shell in bash zsh; do
		from=$share/bash-completion/completions
		[ $shell = bash ] || from=$share/zsh/site-functions
		out=$(tab $shell "$from" 'cdeploy --dialect=')
		for word in auto legacy compose; do has "$out" $word; done
		has "$(tab $shell "$from" 'cbuild --isolation in')" 'SAID cbuild --isolation inplace'
		out=$(tab $shell "$from" 'cbuild -f ')
		has "$out" file.yml
		has "$(tab $shell "$from" 'cdeploy --dir ')" 'SAID cdeploy --dir data'
		has_no "$(tab $shell "$from" 'cdeploy --dir ')" file.yml
		has "$(tab $shell "$from" 'cpush --tag 1 ')" file.yml
		out=$(tab $shell "$from" 'cdeploy --env test ')
		for word in up plan render logs; do has "$out" $word; done
		has_no "$out" file.yml
		has_no "$(tab $shell "$from" 'cdeploy plan r')" render
	done
	from=$share/fish/vendor_completions.d
	equal "$(fish --no-config -c "source $from/cdeploy.fish; complete -C 'cdeploy --gate='" | cut -f1 | tr '\n' ' ')" '--gate=auto --gate=off '
	has "$(fish --no-config -c "source $from/cdeploy.fish; complete -C 'cdeploy u'" | tr '\n' ' ')" 'unlock up '
	equal "$(fish --no-config -c "source $from/cdeploy.fish; complete -C 'cdeploy up '")" ''
	equal "$(fish --no-config -c "source $from/cdeploy.fish; complete -C 'cdeploy --dir da'")" "$(printf 'data/\tDirectory')"
}

@test "make deb: a package of everything, the same bytes again, that dpkg installs and whose tools run" {
	local build package
	build=$(realpath --relative-to "$TOP" "$E2E_BUILD")
	make_deb() {
		env -u MAKEFLAGS -u MAKELEVEL make -s -C "$TOP" BUILD="$build" DEB="$T/deb" deb
	}
	# nobody answers for it: no commit, no name
	GIT_DIR=$T/none DEB_MAINTAINER='' expect 2 make_deb
	has "$err" "DEB_MAINTAINER='NAME <ADDRESS>'"
	export DEB_MAINTAINER='Anna Muster <anna@example.org>'
	expect 0 make_deb
	package=$out
	equal "$(dpkg-deb -f "$package" Maintainer)" "$DEB_MAINTAINER"
	has "$(dpkg-deb -f "$package" Version)" "$(cat "$TOP/VERSION")"
	equal "$(dpkg-deb -f "$package" Architecture)" "$(dpkg --print-architecture)"
	# as they are linked: a package for each library that is none of libc's
	objdump -p "$E2E_BUILD/bin"/c{build,push,deploy} | awk -v arch="$(gcc -print-multiarch)" '$1 == "NEEDED" { print "*/" arch "/" $2 }' | sort -u >"$T/libraries"
	xargs dpkg -S <"$T/libraries" | sed 's/:.*//' | sort -u >"$T/owners"
	[ "$(wc -l <"$T/owners")" -gt 8 ] || fail "few libraries: $(cat "$T/owners")"
	while read -r owner; do
		has " $(dpkg-deb -f "$package" Depends)" " $owner"
	done <"$T/owners"
	expect 0 dpkg-deb -c "$package"
	equal "$(awk '{ print $2 }' <<<"$out" | sort -u)" root/root
	for file in bin/cbuild share/man/man1/cdeploy.1.gz share/zsh/vendor-completions/_cpush share/doc/cbuild/{copyright,changelog.gz,NEWS.gz}; do
		has "$out" "./usr/$file"
	done

	sha256sum <"$package" >"$T/first"
	rm -rf "$T/deb"
	(umask 077 && expect 0 make_deb)
	equal "$(sha256sum <"$package")" "$(cat "$T/first")"

	mkdir -p "$T/system/var/lib/dpkg"/{info,updates}
	touch "$T/system/var/lib/dpkg/status"
	expect 0 dpkg --root="$T/system" --force-depends --log=/dev/null -i "$package"
	equal "$(dpkg --root="$T/system" -V cbuild)" ''
	has "$(readelf -lW "$T/system/usr/bin/cpush")" GNU_RELRO
	equal "$("$T/system/usr/bin/cdeploy" --version)" "cdeploy $(cat "$TOP/VERSION")"
	cd "$T"
	printf 'FROM scratch\nCOPY first /\n' >Dockerfile
	expect 0 "$T/system/usr/bin/cbuild" -o type=cacheonly .
	expect 0 dpkg --root="$T/system" --log=/dev/null -r cbuild
	[ ! -e "$T/system/usr/bin" ]
}
