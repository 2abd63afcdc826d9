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
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$TOP" BUILD="$(realpath --relative-to "$TOP" "$E2E_BIN/..")" \
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
