# What each row of the Dockerfile language means: testdata/semantics, one test for each of its folders.
# tests/e2e/semantics/cases.py says how a case is written, and what a failure's lines are.

load helper
load job

setup_file() {
	job_tree
}

setup() {
	begin
	cd "$BATS_TEST_DIRNAME/../.."
	export BASE=$E2E_BUSYBOX_LAYOUT
}

holds() {
	expect 0 "$BATS_TEST_DIRNAME/semantics/cases.py" check --cbuild "$E2E_BIN/cbuild" "$1/"
}

@test "lines, directives, flags and words" { holds 1.1; }
@test "here-documents" { holds 1.2; }
@test "expansion of words" { holds 1.3; }
@test "ARG, ENV and what is given" { holds 1.4; }
@test "instructions: configuration and history" { holds 1.5; }
@test "RUN --mount" { holds 1.6; }
@test "COPY and ADD" { holds 1.7; }
@test "contexts and .dockerignore" { holds 1.8; }
@test "configuration and times" { holds 1.9; }
@test "layers" { holds 1.10; }

# holds_without_mounts SANDBOX FOLDER...: all in these that RUN something, with $T/cbuild. What cannot be had there, and
# why, is in the file of that name beside the cases.
holds_without_mounts() {
	local names
	chmod +x "$T/cbuild"
	names=$(cd testdata/semantics && grep -rlE '^(ONBUILD )?RUN' "${@:2}" | sed 's/\.case$//')
	# shellcheck disable=SC2086 # words
	expect 0 "$BATS_TEST_DIRNAME/semantics/cases.py" check --cbuild "$T/cbuild" --pending "$1" $names
}

@test "RUN in a chroot" {
	printf '#!/bin/sh\nexec "%s/cbuild" --isolation=chroot "$@"\n' "$E2E_BIN" >"$T/cbuild"
	holds_without_mounts chroot 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8 1.9 1.10
}

@test "RUN in place" {
	container_files "$T/container"
	cat >"$T/cbuild" <<-EOF
	#!/bin/bash
	T=$T VOLUMES=$E2E_DIR:$E2E_DIR
	. $BATS_TEST_DIRNAME/job.bash
	# one container after the other: each is put together in the same folder
	exec 9>$T/lock
	flock 9
	mapfile -t env < <(env | grep -Ev '^(PATH|PWD|SHLVL|_)=')
	container_without_engine $T/container 'cd "\$1" && shift && exec env "\$@"' "\$PWD" "\${env[@]}" /cbuild/bin/cbuild "\$@"
	EOF
	holds_without_mounts inplace 1.2 1.6 1.10
}

@test "no folder of cases is left out" {
	for folder in testdata/semantics/*/; do
		grep -q " holds $(basename "$folder");" "$BATS_TEST_FILENAME" || fail "$folder is not among the tests"
	done
}
