# What each row of the Dockerfile language means: testdata/semantics, one test for each of its folders.
# tests/e2e/semantics/cases.py says how a case is written, and what a failure's lines are.

load helper

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

@test "no folder of cases is left out" {
	for folder in testdata/semantics/*/; do
		grep -q " holds $(basename "$folder");" "$BATS_TEST_FILENAME" || fail "$folder is not among the tests"
	done
}
