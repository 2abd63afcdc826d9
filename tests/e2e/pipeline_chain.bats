# The whole way of a Python service through templates/pipeline.yml, each job in an unprivileged container as GitLab's
# docker executor starts it: from merge request to production. The tests of this file build on one another; those with
# the tag "short" do without the others. tests/pipeline/run starts it and says where the runner is (PIPELINE_RUNNER).

load helper
load job

SERVICES='sample-staging sample-production'

setup_file() {
	: "${PIPELINE_RUNNER:?start it with make check-pipeline}"
	job_image
	"$E2E_BIN/cpush" -q "$LAYOUT" "$E2E_REGISTRY/ci/cbuild/tools:$(cat "$TOP/VERSION")"
	# one image for what Python needs and what the runner needs to carry files
	PYTHON=$E2E_REGISTRY/python:1
	skopeo copy -q --dest-tls-verify=false \
		"oci:$("$E2E_SERVERS/base" layout make python3 python3-pytest python3-pytest-cov rsync):bookworm" "docker://$PYTHON"
	export PYTHON CHAIN="$E2E_DIR/chain" STAGING_PORT PRODUCTION_PORT
	mkdir "$CHAIN"
	STAGING_PORT=$(free_port) PRODUCTION_PORT=$(free_port)
	make_project
}

teardown_file() {
	remove_services $SERVICES
	"$E2E_SERVERS/registry" stop "$CHAIN/registry" >/dev/null 2>&1 || :
	docker -H "$E2E_ENGINE" ps -aq --filter name=gcl- | xargs -r docker -H "$E2E_ENGINE" rm -f >/dev/null 2>&1 || :
	rm -rf "$CHAIN"
}

# A clone whose remote is never asked; the component lies where the runner keeps what it has fetched.
make_project() {
	local put=.gitlab-ci-local/includes/127.0.0.1/ci/cbuild/0.1.0/templates
	cp -R "$TOP/testdata/pipeline" "$CHAIN/app"
	cd "$CHAIN/app"
	mkdir -p "$put"
	cp "$TOP/templates/pipeline.yml" "$put"
	printf '    inputs:\n      test_image: %s\n      build_args: BASE=%s\n      deploy_timeout: 40s\n' "$PYTHON" "$PYTHON" >>.gitlab-ci.yml
	git init -q -b master .
	git config user.name Test
	git config user.email test@example.com
	git remote add origin http://127.0.0.1:9/group/app.git
	git commit -q --allow-empty -m begin
	git update-ref refs/remotes/origin/master HEAD
	git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/master
	commit 'a service'
	git tag service
}

commit() {
	git -C "$CHAIN/app" add .
	git -C "$CHAIN/app" commit -q -m "$1"
}

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE
	cd "$CHAIN/app"
	REGISTRY=$E2E_REGISTRY
}

# What a test has committed goes with it.
teardown() {
	git -C "$CHAIN/app" reset -q --hard service
}

# pipeline VARIABLE=VALUE...: $ran is what ran, as "PASS test-app FAIL build-app"; $log all that was said.
# Not the status alone: the runner ends with 0 in cases where GitLab would not.
pipeline() {
	local socket=${E2E_ENGINE#unix://} args=() one
	for one in "CI_REGISTRY=$E2E_REGISTRY" "CI_REGISTRY_IMAGE=$REGISTRY/group/app" GITLAB_CI=true \
		DOCKER_HOST=unix:///var/run/docker.sock "STAGING_PORT=$STAGING_PORT" "PRODUCTION_PORT=$PRODUCTION_PORT" \
		"CDEPLOY_STABLE=${STABLE-1ms}" "$@"; do
		args+=(--variable "$one")
	done
	case "$*" in
	*CI_COMMIT_BRANCH*) ;;
	*) args+=(--unset-variable CI_COMMIT_BRANCH) ;;
	esac
	rm -rf .gitlab-ci-local/output .gitlab-ci-local/artifacts
	status=0
	node "$PIPELINE_RUNNER" --no-color --helper-image "$PYTHON" --no-artifacts-to-source --network host \
		--volume "$socket:/var/run/docker.sock" --pull-policy if-not-present "${args[@]}" \
		>"$T/stdout" 2>"$T/stderr" </dev/null || status=$?
	out=$(cat "$T/stdout") err=$(cat "$T/stderr") log=$(cat .gitlab-ci-local/output/*.log 2>/dev/null)
	ran=$(sed -n 's/^ \(PASS\|FAIL\|WARN\)  *\([a-z]*-app[a-z-]*\|logs-inspect\)\( .*\)*$/\1 \2/p' "$T/stdout" | sort -u -k2 | tr '\n' ' ')
	# it says for each line of the component that it checks no regex
	out=$(grep -v spec:inputs:regex <<<"$out") || :
}

request() {
	pipeline CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_REF_NAME=feature "CI_MERGE_REQUEST_TITLE=${TITLE-Add a page}" \
		CI_MERGE_REQUEST_IID=7 CI_MERGE_REQUEST_DRAFT=false CI_MERGE_REQUEST_TARGET_BRANCH_NAME=master \
		CI_MERGE_REQUEST_SOURCE_PROJECT_ID=42 CI_MERGE_REQUEST_PROJECT_ID=42
}

staging_answers() {
	until_true answers "$STAGING_PORT" "staging from version $1"
}

# The digest a service runs, as the engine says it.
runs() {
	engine service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$1" | sed 's/.*@//'
}

@test "a draft is tested and built, and nothing leaves the pipeline" {
	TITLE='WIP: Add a page' request
	equal "$status:$ran" '0:PASS build-app PASS test-app '
	has "$log" '2 passed'
	expect 1 skopeo inspect --tls-verify=false "docker://$REGISTRY/group/app/app:latest"
}

# bats test_tags=short
@test "a ready merge request is tested, built, released and deployed, and answers" {
	request
	equal "$status:$ran" '0:PASS build-app PASS deploy-app-staging PASS release-app PASS test-app '
	staging_answers 1
	remote_digest "$REGISTRY/group/app/app:latest" >"$CHAIN/digest"
	equal "$(runs sample-staging)" "$(cat "$CHAIN/digest")"
}

# bats test_tags=short
@test "a failing test stops it before anything is built" {
	sed -i 's/"good day"/"bad day"/' test_app.py
	commit 'a test that fails'
	request
	equal "$status:$ran" '1:FAIL test-app '
	staging_answers 1
}

@test "a failing RUN stops it before the release" {
	echo 'RUN echo this cannot work && false' >>Dockerfile
	commit 'a RUN that fails'
	request
	equal "$status:$ran" '1:FAIL build-app PASS test-app '
	has "$log" 'this cannot work'
	staging_answers 1
}

@test "a refused push stops it before the deploy" {
	REGISTRY=$("$E2E_SERVERS/registry" start "$CHAIN/registry" readonly)
	request
	equal "$status:$ran" '1:PASS build-app FAIL release-app PASS test-app '
	staging_answers 1
}

@test "a new version that crashes is taken back, and staging answers as before" {
	sed -i -e 's/^VERSION = .*/VERSION = "2"/' -e 's/^    ThreadingHTTPServer.*/    raise SystemExit("no database")/' app.py
	commit 'a version that crashes'
	STABLE=10s request
	equal "$status:$ran" '1:PASS build-app FAIL deploy-app-staging PASS release-app PASS test-app '
	has "$log" 'no database'
	staging_answers 1
	equal "$(runs sample-staging)" "$(cat "$CHAIN/digest")"
}

@test "a tag on what never ran on staging is refused, and says so" {
	sed -i 's/^VERSION = .*/VERSION = "9"/' app.py
	commit 'a version that nobody has tried'
	pipeline CI_PIPELINE_SOURCE=push CI_COMMIT_TAG=v9.0.0 CI_COMMIT_REF_NAME=v9.0.0
	equal "$status:$ran" '1:FAIL deploy-app-production '
	has "$log" 'this tree has not run on staging'
}

# bats test_tags=short
@test "the merge takes the image that is there, and production runs the very digest that staging ran" {
	pipeline CI_PIPELINE_SOURCE=push CI_COMMIT_BRANCH=master CI_COMMIT_REF_NAME=master
	equal "$status:$ran" '0:PASS build-app PASS deploy-app-production PASS deploy-app-staging PASS release-app PASS test-app '
	grep -q '^CBUILD_REUSED=1$' -r .gitlab-ci-local/artifacts || fail 'the image was built again'
	until_true answers "$PRODUCTION_PORT" 'production from version 1'
	equal "$(runs sample-production)" "$(cat "$CHAIN/digest")"
	equal "$(runs sample-staging)" "$(cat "$CHAIN/digest")"
	equal "$(remote_digest "$REGISTRY/group/app/app:1.0.0")" "$(cat "$CHAIN/digest")"
}

@test "a tag on that tree promotes it again, and nothing restarts" {
	local before
	before=$(engine service inspect --format '{{.Version.Index}}' sample-production)
	pipeline CI_PIPELINE_SOURCE=push CI_COMMIT_TAG=v1.0.0 CI_COMMIT_REF_NAME=v1.0.0
	equal "$status:$ran" '0:PASS deploy-app-production '
	equal "$(engine service inspect --format '{{.Version.Index}}' sample-production)" "$before"
	equal "$(remote_digest "$REGISTRY/group/app/app:v1.0.0")" "$(cat "$CHAIN/digest")"
}
