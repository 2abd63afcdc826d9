# What goes from job to job of templates/pipeline.yml: the very scripts, with the real tools, registry and engine, each
# in a fresh checkout that has only what GitLab would give it. Without containers, so in seconds.
# tests/pipeline/run starts it and says where the runner is (PIPELINE_RUNNER). The tests build on one another.

# bats file_tags=short

load helper

setup_file() {
	: "${PIPELINE_RUNNER:?start it with make check-pipeline}"
	local top job
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
	export FLOW="$E2E_DIR/flow" FLOW_PORT
	FLOW_PORT=$(free_port)
	mkdir -p "$FLOW/clone" "$FLOW/service"
	cd "$FLOW/clone"
	git init -q -b master .
	git config user.name Test
	git config user.email test@example.com
	git commit -q --allow-empty -m begin
	git remote add origin http://127.0.0.1:9/group/app.git
	git update-ref refs/remotes/origin/master HEAD
	git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/master
	for job in build-app release-app deploy-app-staging deploy-app-production logs-inspect; do
		node "$top/tests/pipeline/script.mjs" "$FLOW/clone" "${PIPELINE_RUNNER%/gitlab-ci-local/*}" "$top/templates/pipeline.yml" \
			"$job" "build_args=NOTE=\"two words\" COMMIT=none" >"$FLOW/$job"
	done
	make_service
}

make_service() {
	cd "$FLOW/service"
	echo one >index.html
	echo 1.0.0 >version
	printf 'FROM %s\nARG NOTE\nLABEL note=$NOTE\nCOPY index.html /www/\nCMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n' "$E2E_BUSYBOX" >Dockerfile
	for env in '' -production; do
		printf 'stack: flow\nservices:\n  flow%s:\n    image: "r.example.org/<IMG_NAME>"\n' "$env" >"orcinus$env.yml"
	done
	printf '    ports:\n      - "published=%s,target=8080,mode=host"\n' "$FLOW_PORT" >>orcinus.yml
}

teardown_file() {
	remove_services flow flow-production
	engine network rm flow >/dev/null 2>&1 || :
	rm -rf "$FLOW"
}

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE GITLAB_CI=true CI_REGISTRY_IMAGE=$E2E_REGISTRY/flow/app CI_PROJECT_PATH=flow/app \
		CI_COMMIT_SHORT_SHA=0123abcd CI_COMMIT_SHA=0123abcd4567 CI_ENVIRONMENT_NAME=staging CDEPLOY_STABLE=1s \
		CDEPLOY_MAIN_BRANCH=nobodys
	IMAGE=$CI_REGISTRY_IMAGE/app
	cp -R "$FLOW/service" "$T/checkout"
	cd "$T/checkout"
}

# job STATUS NAME [FROM...]: with the artifacts and variables of the jobs FROM, those that it leaves kept.
job() {
	local status=$1 name=$2 from
	for from in "${@:3}"; do
		cp -R "$FLOW/artifacts-$from/." .
	done
	expect "$status" env "${variables[@]}" bash -eo pipefail -c '
		set -a; for file in .pipeline/app/build.env .pipeline/app/release.env; do [ ! -f $file ] || . ./$file; done; set +a
		eval "${overrides-}"
		. "$1"' job "$FLOW/$name"
	rm -rf "$FLOW/artifacts-$name"
	mkdir "$FLOW/artifacts-$name"
	cp -R .pipeline "$FLOW/artifacts-$name/"
}

variables=()
branch() {
	variables=(CI_PIPELINE_SOURCE=push CI_COMMIT_BRANCH=master CI_COMMIT_REF_NAME=master)
}

runs() {
	engine service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$1" | sed 's/.*@//'
}

@test "what is built is released, deployed, answers, and is then marked as having run on staging" {
	branch
	# as the docker executor checks out
	chmod -R a+rwX .
	job 0 build-app
	equal "$(sed -n 's/^CBUILD_REUSED=//p' .pipeline/app/build.env)" 0
	equal "$(jq -c 'map([.severity, .location.path])' .pipeline/app/code-quality.json)" \
		'[["info","orcinus.yml"],["info","orcinus-production.yml"]]'
	has "$(head -c 100 .pipeline/app/build.html)" '<!DOCTYPE html>'
	job 0 release-app build-app
	digest=$(remote_digest "$IMAGE:latest")
	echo "$digest" >"$FLOW/digest"
	equal "$(remote_digest "$IMAGE:git-0123abcd")" "$digest"
	equal "$(skopeo inspect --tls-verify=false --config "docker://$IMAGE:latest" | jq -r .config.Labels.note)" 'two words'
	equal "$(skopeo inspect --tls-verify=false --config "docker://$IMAGE:latest" |
		jq -r '.config.Labels."org.opencontainers.image.revision"')" "$CI_COMMIT_SHA"
	has "$(jq -r '."pushed image"[].external_link.label' .pipeline/app/annotations.json)" "$digest"
	has_no "$(skopeo list-tags --tls-verify=false "docker://$IMAGE")" staged-
	job 0 deploy-app-staging build-app release-app
	equal "$(grep -c 'orcinus.yml is read as' <<<"$out$err")" 1 'warnings of the file'
	until_true answers "$FLOW_PORT" one
	equal "$(runs flow)" "$digest"
	equal "$(cat .pipeline/app/deploy.env)" "CDEPLOY_URL=http://localhost:$FLOW_PORT
CDEPLOY_SERVICES=flow
CDEPLOY_OUTCOME=deployed"
	equal "$(jq -c . .pipeline/app/plan.json)" '{"create":1,"update":0,"delete":0}'
	equal "$(jq -c '.deployed[].external_link' .pipeline/app/annotations.json)" \
		"{\"label\":\"flow\",\"url\":\"http://localhost:$FLOW_PORT\"}"
	has "$(skopeo list-tags --tls-verify=false "docker://$IMAGE")" "staged-$(sed -n 's/^CBUILD_INPUT=sha256://p' .pipeline/app/build.env)"
}

@test "the same files are not built again for another commit, and nothing restarts" {
	branch
	CI_COMMIT_SHA=89ab4567
	before=$(engine service inspect --format '{{.Version.Index}}' flow)
	job 0 build-app
	equal "$(sed -n 's/^CBUILD_REUSED=//p' .pipeline/app/build.env)" 1
	job 0 release-app build-app
	job 0 deploy-app-staging build-app release-app
	equal "$(engine service inspect --format '{{.Version.Index}}' flow)" "$before"
	has "$(cat .pipeline/app/deploy.env)" CDEPLOY_OUTCOME=unchanged
	equal "$(jq -c . .pipeline/app/plan.json)" '{"create":0,"update":0,"delete":0}'
	equal "$(remote_digest "$IMAGE:latest")" "$(cat "$FLOW/digest")"
}

@test "production gets the digest that ran on staging, under its version" {
	branch
	job 0 deploy-app-production
	equal "$(runs flow-production)" "$(cat "$FLOW/digest")"
	equal "$(remote_digest "$IMAGE:1.0.0")" "$(cat "$FLOW/digest")"
}

@test "a tree that has not run on staging cannot get to production" {
	variables=(CI_PIPELINE_SOURCE=push CI_COMMIT_TAG=v2.0.0 CI_COMMIT_REF_NAME=v2.0.0)
	echo two >index.html
	job 1 deploy-app-production
	has "$err" 'this tree has not run on staging'
	expect 1 skopeo inspect --tls-verify=false "docker://$IMAGE:v2.0.0"
}

@test "a version that is there is not moved to another image" {
	branch
	echo two >index.html
	job 0 build-app
	job 0 release-app build-app
	job 0 deploy-app-staging build-app release-app
	rm -rf .pipeline
	job 1 deploy-app-production
	equal "$(remote_digest "$IMAGE:1.0.0")" "$(cat "$FLOW/digest")"
	equal "$(runs flow-production)" "$(cat "$FLOW/digest")"
}

@test "a draft that gets as far as the deploy is not marked as having run on staging" {
	variables=(CI_PIPELINE_SOURCE=merge_request_event 'CI_MERGE_REQUEST_TITLE=WIP: x' CI_MERGE_REQUEST_TARGET_BRANCH_NAME=master)
	echo three >index.html
	job 0 build-app
	job 0 release-app build-app
	job 1 deploy-app-staging build-app release-app
	has "$(cat .pipeline/app/deploy.env)" CDEPLOY_OUTCOME=skipped
	has_no "$(skopeo list-tags --tls-verify=false "docker://$IMAGE")" "staged-$(sed -n 's/^CBUILD_INPUT=sha256://p' .pipeline/app/build.env)"
}

@test "production, too, is a success only when something runs" {
	variables=(CI_PIPELINE_SOURCE=schedule CI_COMMIT_BRANCH=master)
	job 1 deploy-app-production
	has "$(cat .pipeline/app/deploy.env)" CDEPLOY_OUTCOME=skipped
}

@test "without an address nothing is done, least of all to the engine of the runner" {
	branch
	unset DOCKER_HOST
	job 0 build-app
	job 0 release-app build-app
	job 2 deploy-app-staging build-app release-app
	equal "$err" "DOCKER_HOST has no value here: set it in Settings, CI/CD, Variables, for the environment 'staging' (a protected one needs a protected branch or tag)"
	DOCKER_HOST='' job 2 deploy-app-production
	SERVICE_NAME=flow job 2 logs-inspect
}

@test "the image is the one that this pipeline built, whatever variables a project has" {
	branch
	job 0 build-app
	overrides='IMAGE_REF=r.example.org/other:1 IMAGE_NAME=r.example.org/other IMAGE_DIGEST=sha256:0 CBUILD_INPUT=sha256:0'
	export overrides
	job 0 release-app build-app
	job 0 deploy-app-staging build-app release-app
	equal "$(runs flow)" "$(sed -n 's/^IMAGE_DIGEST=//p' .pipeline/app/release.env)"
}

@test "a Dockerfile that cannot be read is status 2 in the job, too" {
	branch
	mkdir .pipeline
	echo 'FORM scratch' >>Dockerfile
	job 2 build-app
}

@test "what is doubtful in the Dockerfile and in the deploy files is one list" {
	branch
	# a folder of the repository; GitLab wants paths from its top
	export CI_PROJECT_DIR=$T
	sed -i 's/^FROM .*/& as Base/' Dockerfile
	sed -i 's/^services:/x: 1\n&/' orcinus.yml
	echo 'services: [' >orcinus-production.yml
	job 0 build-app
	equal "$(jq -r '.[].location.path' .pipeline/app/code-quality.json | sort -u | tr '\n' ' ')" \
		'checkout/Dockerfile checkout/orcinus-production.yml checkout/orcinus.yml '
	rm orcinus.yml orcinus-production.yml
	rm -rf .pipeline
	job 0 build-app
	equal "$(jq -r '.[].location.path' .pipeline/app/code-quality.json | sort -u | tr '\n' ' ')" 'checkout/Dockerfile '
}
