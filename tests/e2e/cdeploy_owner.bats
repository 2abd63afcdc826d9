# Who may deploy what: the gate of merge requests, and services that have an owner.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1ms
	port=$(free_port)
}

# A pipeline of a merge request that is ready: variables for env.
merge_request() {
	printf '%s\n' GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_MERGE_REQUEST_IID=12 \
		CI_MERGE_REQUEST_TARGET_BRANCH_NAME=master CI_DEFAULT_BRANCH=master
}

@test "a draft is checked and not deployed: status 0, no engine asked, the reason in one line" {
	printf 'services:\n    %s-web:\n        image: "%s"\n' "$NAME" "$BUSYBOX" >orcinus.yml
	mapfile -t ci < <(merge_request)
	export DOCKER_HOST=unix://$T/none.sock
	for title in 'WIP: a page' ' [wip] a page' 'Draft: a page' 'WIP a page'; do
		expect 0 env "${ci[@]}" CI_MERGE_REQUEST_TITLE="$title" cdeploy -q
		equal "$out" ''
		equal "$(wc -l <<<"$err")" 1
		has "$err" 'nothing is deployed: the title of the merge request begins with'
	done
	expect 0 env "${ci[@]}" CI_MERGE_REQUEST_TITLE='A page' CI_MERGE_REQUEST_DRAFT=true cdeploy
	has "$err" 'nothing is deployed: the merge request is a draft'
	# what is ready goes on, here to an engine that is not there; and so does --gate off
	expect 5 env "${ci[@]}" CI_MERGE_REQUEST_TITLE='Wipe the cache' cdeploy
	expect 5 env "${ci[@]}" CI_MERGE_REQUEST_TITLE='WIP: a page' cdeploy --gate off
	# a file that is wrong is wrong in a draft, too
	printf '        replicas: many\n' >>orcinus.yml
	expect 2 env "${ci[@]}" CI_MERGE_REQUEST_TITLE='WIP: a page' cdeploy
	message cdeploy orcinus.yml:4
}

# -- owners ---------------------------------------------------------------------

teardown() {
	# shellcheck disable=SC2046 # a list of ids
	engine service rm $(engine service ls -q --filter "name=$NAME") >/dev/null 2>&1 || :
}

# services NAME...: a file with these, which need no image of their own.
services() {
	local name
	printf 'services:\n' >orcinus.yml
	for name in "$@"; do
		printf '    %s-%s:\n        image: "%s"\n        commands: ["sleep", "1000"]\n' "$NAME" "$name" "$BUSYBOX"
	done >>orcinus.yml
}

label() {
	engine service inspect --format "{{index .Spec.Labels \"io.cdeploy.$2\"}}" "$NAME-$1"
}

index() {
	engine service inspect --format '{{.ID}} {{.Version.Index}}' "$NAME-$1"
}

names() {
	engine service ls --format '{{.Name}}' --filter "name=$NAME" | sort | tr '\n' ' '
}

@test "a service says whose it is and which deploy it came from, and another deploy of the same writes nothing" {
	services web
	export CI_PROJECT_PATH=team/$NAME
	expect 0 env CI_COMMIT_SHA=c0ffee CI_PIPELINE_ID=41 cdeploy
	equal "$(label web project)" "team/$NAME"
	equal "$(label web commit)" c0ffee
	equal "$(label web pipeline)" 41
	before=$(index web)
	expect 0 env CI_COMMIT_SHA=decade CI_PIPELINE_ID=42 cdeploy
	has "$out" unchanged
	equal "$(index web)" "$before"
	# a pipeline that was overtaken: only what would change something is refused
	expect 0 env CI_PIPELINE_ID=40 cdeploy
	sed -i 's/1000/1001/' orcinus.yml
	expect 1 env CI_PIPELINE_ID=40 cdeploy
	message cdeploy "$NAME-web" 'pipeline 41' '(40)' --allow-older
	equal "$(index web)" "$before"
	expect 0 env CI_PIPELINE_ID=40 cdeploy --allow-older
	equal "$(label web pipeline)" 40
}

@test "another project's service is refused with its owner's name, and nobody's is adopted with a notice" {
	services web
	expect 0 cdeploy --project "$NAME/first"
	before=$(index web)
	expect 1 cdeploy --project "$NAME/second"
	message cdeploy "$NAME-web" "$NAME/first" "$NAME/second"
	equal "$(index web)" "$before"
	engine service rm "$NAME-web" >/dev/null
	engine service create -d --name "$NAME-web" "$BUSYBOX" sleep 1000 >/dev/null
	expect 0 cdeploy --project "$NAME/second"
	has "$err" "was nobody's until now"
	equal "$(label web project)" "$NAME/second"
}

@test "--prune removes what left the file, and nothing of anybody else" {
	services web worker
	expect 0 cdeploy --project "$NAME"
	services other
	expect 0 cdeploy --project "$NAME-2"
	services third
	expect 0 cdeploy --project "$NAME" --scope elsewhere
	engine service create -d --name "$NAME-nobodys" "$BUSYBOX" sleep 1000 >/dev/null
	services web
	# not without being asked, and not when the deploy fails
	expect 0 cdeploy --project "$NAME"
	sed -i 's|sleep", "1000|/no/such/program|' orcinus.yml
	expect 9 cdeploy --project "$NAME" --prune
	equal "$(names)" "$NAME-nobodys $NAME-other $NAME-third $NAME-web $NAME-worker "
	services web
	expect 0 cdeploy --project "$NAME" --prune
	has "$out" "$NAME-web unchanged"
	has "$out" "$NAME-worker removed "
	equal "$(names)" "$NAME-nobodys $NAME-other $NAME-third $NAME-web "
	expect 2 cdeploy --prune --detach
}

@test "another mode is refused without --recreate, and brought back when it fails with it" {
	services web
	expect 0 cdeploy
	before=$(index web)
	printf '        mode: global\n' >>orcinus.yml
	expect 1 cdeploy
	message cdeploy "$NAME-web" Global Replicated --recreate
	equal "$(index web)" "$before"
	cp orcinus.yml good.yml
	sed -i 's|sleep", "1000|/no/such/program|' orcinus.yml
	expect 9 cdeploy --recreate
	message cdeploy 'the previous version is running again'
	equal "$(engine service inspect --format '{{.Spec.Mode.Replicated.Replicas}}' "$NAME-web")" 1
	expect 0 cdeploy --recreate -f good.yml
	has "$out" "$NAME-web updated"
	has "$(engine service inspect --format '{{json .Spec.Mode}}' "$NAME-web")" Global
}
