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
