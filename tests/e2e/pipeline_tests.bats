# What the test and sonarqube jobs of templates/pipeline.yml run in which project: their very scripts, without containers.
# tests/pipeline/run starts it and says where the runner is (PIPELINE_RUNNER).

# bats file_tags=short

load helper

setup_file() {
	: "${PIPELINE_RUNNER:?start it with make check-pipeline}"
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	export SCRIPTS="$E2E_DIR/test-scripts"
	mkdir -p "$SCRIPTS/clone" "$SCRIPTS/bin"
	cd "$SCRIPTS/clone"
	git init -q -b master .
	git config user.name Test
	git config user.email test@example.com
	git commit -q --allow-empty -m begin
	git remote add origin http://127.0.0.1:9/group/app.git
	git update-ref refs/remotes/origin/master HEAD
	git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/master
	script() {
		node "$top/tests/pipeline/script.mjs" "$SCRIPTS/clone" "${PIPELINE_RUNNER%/gitlab-ci-local/*}" "$top/templates/pipeline.yml" \
			"${job-test-app}" "${@:2}" >"$SCRIPTS/$1"
	}
	script found
	script given 'test_script=echo "given: $GIVEN" && exit $GIVEN'
	job=sonarqube-app script sonar
	# says what it is called with
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"${SCANNED:?}"\nexit "${GATE:-0}"\n' >"$SCRIPTS/bin/sonar-scanner"
	chmod +x "$SCRIPTS/bin/sonar-scanner"
	# a Python that has neither pytest nor coverage, whatever this machine has
	printf '#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n' >"$SCRIPTS/bin/python3"
	chmod +x "$SCRIPTS/bin/python3"
}

teardown_file() {
	rm -rf "$SCRIPTS"
}

setup() {
	begin
	PATH=$SCRIPTS/bin:$PATH
	cat >test_it.py <<-'EOF2'
	import unittest
	class It(unittest.TestCase):
	    def test_it(self):
	        self.assertEqual(1, 1)
	EOF2
}

# As GitLab's runner starts it.
job_ends() {
	expect "$1" bash -eo pipefail "$SCRIPTS/${2-found}"
}

@test "test_script goes before all else, and its status is the job's" {
	printf 'test:\n\techo made\n' >Makefile
	GIVEN=0 job_ends 0 given
	equal "$out" 'given: 0'
	GIVEN=3 job_ends 3 given
}

@test "failed tests never end with the status that starts a job again" {
	GIVEN=5 job_ends 1 given
}

@test "a Makefile's target test goes before Python's" {
	printf 'all:\n\ntest: all\n\techo made\n' >Makefile
	job_ends 0
	has "$out" made
	has_no "$out$err" 'Ran 1 test'
	printf 'test:\n\tfalse\n' >Makefile
	job_ends 2
}

@test "a Makefile with a folder test, but no target, is not taken for one" {
	printf 'all:\n\techo all\ntest := x\n' >Makefile
	mkdir test
	job_ends 0
	has "$out$err" 'Ran 1 test'
}

@test "unittest is run where there is no pytest, and a failure fails the job" {
	job_ends 0
	has "$out$err" 'Ran 1 test'
	has_no "$out" WARNING
	sed -i 's/1, 1/1, 2/' test_it.py
	job_ends 1
}

@test "no tests are a warning that is seen, in the log and in the merge request" {
	rm test_it.py
	job_ends 0
	has "$out" 'WARNING: no tests were found'
	has "$(cat .pipeline/app/report.xml)" '<skipped message="nothing has been tested"/>'
	python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' .pipeline/app/report.xml
}

@test "tests that could not begin are failed tests" {
	cat >test_it.py <<-'EOF2'
	import unittest
	class It(unittest.TestCase):
	    @classmethod
	    def setUpClass(cls):
	        raise RuntimeError('no database')
	    def test_it(self):
	        pass
	EOF2
	job_ends 1
	has_no "$out" WARNING
}

@test "a report that the tests leave in the service's folder is taken" {
	printf 'test:\n\techo "<testsuite/>" >report.xml\n' >Makefile
	job_ends 0
	equal "$(cat .pipeline/app/report.xml)" '<testsuite/>'
}

# What the scanner was called with, sorted.
scanned() {
	sort "$T/scanned"
}

@test "the scanner waits for the quality gate, and its verdict is the job's" {
	export SCANNED=$T/scanned CI_PROJECT_PATH_SLUG=group-shop
	GATE=0 job_ends 0 sonar
	equal "$(scanned)" "-Dsonar.projectKey=group-shop-app
-Dsonar.qualitygate.wait=true"
	GATE=3 job_ends 3 sonar
	SONAR_PROJECT_KEY=mine job_ends 0 sonar
	has "$(scanned)" -Dsonar.projectKey=mine
	touch sonar-project.properties
	job_ends 0 sonar
	equal "$(scanned)" -Dsonar.qualitygate.wait=true
}

@test "the scanner is told where the coverage of the test job is" {
	export SCANNED=$T/scanned CI_PROJECT_PATH_SLUG=group-shop
	printf 'test:\n\techo "<coverage/>" >coverage.xml\n' >Makefile
	job_ends 0
	job_ends 0 sonar
	has "$(scanned)" "-Dsonar.python.coverage.reportPaths=$PWD/.pipeline/app/coverage.xml"
	[ -f "$PWD/.pipeline/app/coverage.xml" ]
}
