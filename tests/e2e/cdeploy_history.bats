# One deploy at a time, what becomes of one that is cut short, and the way back to earlier ones.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1ms CDEPLOY_PROJECT=$NAME
}

teardown() {
	# shellcheck disable=SC2046 # lists of ids
	engine service rm $(engine service ls -q --filter "name=$NAME") >/dev/null 2>&1 || :
	# shellcheck disable=SC2046
	engine config rm $(engine config ls -q --filter "label=io.cdeploy.project=$NAME") >/dev/null 2>&1 || :
	engine network rm "$NAME" >/dev/null 2>&1 || :
}

# file SECONDS [LINE...]: one service that sleeps.
file() {
	printf 'services:\n    %s-web:\n        image: "%s"\n        commands: ["sleep", "%s"]\n' "$NAME" "$BUSYBOX" "$1"
	shift
	[ $# -eq 0 ] || printf '        %s\n' "$@"
}

sleeps() {
	engine service inspect --format '{{index .Spec.TaskTemplate.ContainerSpec.Args 1}}' "$NAME-web"
}

locks() {
	engine config ls --format '{{.Name}}' --filter "label=io.cdeploy.project=$NAME" | grep -c '^cdeploy-lock-' || :
}

holds_the_lock() {
	[ "$(locks)" = 1 ]
}

@test "two deploys at once: the second is status 11 at once and names the holder, or waits and goes well" {
	file 1000 >orcinus.yml
	file 2000 >second.yml
	CI_JOB_URL=https://git.example/jobs/7 GITLAB_USER_LOGIN=anna cdeploy --stable 4s >/dev/null 2>"$T/first" 3>&- &
	pid=$!
	until_true holds_the_lock
	# it lives, and does not come to its end meanwhile
	kill -STOP "$pid"
	expect 11 cdeploy -f second.yml
	message cdeploy "$NAME" anna@ https://git.example/jobs/7 --lock-wait
	expect 11 cdeploy rm
	expect 11 cdeploy scale "$NAME-web=2"
	message cdeploy "$NAME" anna@
	kill -CONT "$pid"
	expect 0 cdeploy -f second.yml --lock-wait 1m
	wait "$pid"
	equal "$(sleeps)" 2000
	equal "$(locks)" 0
	# nothing to write: no lock is asked for
	expect 0 cdeploy -f second.yml
}

@test "SIGTERM in the middle gives the lock back" {
	file 1000 >orcinus.yml
	cdeploy --stable 10m >/dev/null 2>&1 3>&- &
	pid=$!
	until_true holds_the_lock
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	equal "$got" 143
	equal "$(locks)" 0
}

@test "after kill -9 the next run takes the lock over and ends in the file's state" {
	file 1000 >orcinus.yml
	expect 0 cdeploy
	file 2000 >orcinus.yml
	cdeploy --stable 10m >/dev/null 2>&1 3>&- &
	pid=$!
	until_true holds_the_lock
	kill -KILL "$pid"
	wait "$pid" || :
	file 3000 >orcinus.yml
	expect 0 cdeploy
	has "$err" 'left behind is cleared away'
	equal "$(sleeps)" 3000
	equal "$(locks)" 0
}

@test "unlock breaks a lock by hand" {
	file 1000 >orcinus.yml
	cdeploy --stable 10m >/dev/null 2>"$T/first" 3>&- &
	pid=$!
	until_true holds_the_lock
	until_true sleeps
	expect 0 cdeploy unlock
	has "$out" 'is broken'
	equal "$(locks)" 0
	expect 0 cdeploy unlock
	has "$out" 'nobody holds the lock'
	# whose lock was broken writes nothing more, not even the way back
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	equal "$got" 143
	has "$(cat "$T/first")" "the lock of project '$NAME' is broken"
	equal "$(sleeps)" 1000
}

@test "a job that was cancelled and lives on ends with 11 and names the later try that has its lock" {
	export CI_PIPELINE_ID=40 CI_JOB_NAME=deploy GITLAB_USER_LOGIN=anna
	file 1000 >orcinus.yml
	file 2000 >second.yml
	CI_JOB_URL=https://git.example/jobs/7 cdeploy --stable 10m >/dev/null 2>"$T/first" 3>&- &
	pid=$!
	until_true holds_the_lock
	until_true sleeps
	expect 0 env CI_JOB_URL=https://git.example/jobs/8 cdeploy -f second.yml
	has "$err" 'left behind is cleared away'
	got=0
	wait "$pid" || got=$?
	equal "$got" 11
	has "$(cat "$T/first")" "the lock of project '$NAME'"
	equal "$(sleeps)" 2000
	equal "$(locks)" 0
	expect 0 cdeploy -f second.yml
	has "$out" unchanged
}

@test "what kill -9 left behind is swept up by a run that has nothing to write" {
	file 1000 >orcinus.yml
	expect 0 cdeploy
	cdeploy_lock=$(engine config inspect --format '{{.Spec.Name}}' "$(records | head -1)" | sed 's/^cdeploy-/cdeploy-lock-/; s/-1$//')
	printf x | engine config create -l io.cdeploy.project="$NAME" -l io.cdeploy.expires=2020-01-01T00:00:00Z "$cdeploy_lock" - >/dev/null
	holds_the_lock
	expect 0 cdeploy
	has "$out" unchanged
	equal "$(locks)" 0
}

# -- history and rollback ----------------------------------------------------------

# stack IMAGE [LINE...]: one web service that is asked over HTTP.
stack() {
	printf 'stack: "%s"\nservices:\n    %s-web:\n        image: "%s"\n        ports:\n        - "published=%s,target=8080,mode=host"\n' \
		"$NAME" "$NAME" "$1" "$port" >orcinus.yml
	shift
	[ $# -eq 0 ] || printf '        %s\n' "$@" >>orcinus.yml
}

label() {
	engine service inspect --format "{{index .Spec.Labels \"io.cdeploy.$1\"}}" "$NAME-${2:-web}"
}

# The whole of it: the engine itself raises a service's version while it works.
spec() {
	engine service inspect --format '{{json .Spec}}' "$NAME${1:--web}"
}

# The names of the project's records, and all that can be read in them.
records() {
	engine config ls --format '{{.Name}}' --filter "label=io.cdeploy.project=${1:-$NAME}" | grep -v '^cdeploy-lock-' | sort
}

texts() {
	local name
	for name in $(records); do
		engine config inspect "$name"
		engine config inspect "$name" | jq -r '.[0].Spec.Data' | base64 -d
	done
}

# The revisions that `cdeploy history` has, the newest first, and the one that runs.
revisions() {
	cdeploy history --json 2>/dev/null | jq -r '[.[].revision | tostring] | join(" ")'
}

runs() {
	cdeploy history --json 2>/dev/null | jq -r '.[] | select(.runs) | .revision'
}

@test "each deploy that changes something is a revision, and rollback runs the one before" {
	port=$(free_port)
	web one "$REPO:1"
	web two "$REPO:2"
	stack "$REPO:1"
	export GITLAB_USER_LOGIN=anna CI_JOB_URL=https://git.example/jobs/7
	expect 0 env CI_COMMIT_SHA=c0ffee1234567890 CI_PIPELINE_ID=41 cdeploy --gate off
	equal "$(label revision)" 1
	stack "$REPO:2"
	expect 0 env CI_COMMIT_SHA=decade1234567890 CI_PIPELINE_ID=42 cdeploy --gate off
	until_true answers "$port" two
	equal "$(label revision)" 2
	expect 0 cdeploy history
	equal "$(wc -l <<<"$out")" 3
	has "$(sed -n 1p <<<"$out")" REVISION
	[[ $(sed -n 2p <<<"$out") =~ ^2\ .*decade12\ .*42\ .*anna@.*runs\ now.*$REPO:2@sha256:[0-9a-f]{12}$ ]] || fail
	[[ $(sed -n 3p <<<"$out") =~ ^1\ .*c0ffee12\ .*41\ .*$REPO:1@sha256:[0-9a-f]{12}$ ]] || fail
	has_no "$(sed -n 3p <<<"$out")" 'runs now'

	# no change: no line, no write
	before=$(spec) kept=$(records)
	expect 0 cdeploy -v --gate off
	equal "${out% *}" "$NAME-web unchanged"
	has_no "$err" 'engine: POST'
	equal "$(spec)" "$before"
	equal "$(records)" "$kept"

	# a plan of it writes nothing
	expect 0 cdeploy rollback --dry-run
	has "$out" "$REPO:1"
	has "$err" 'going back to revision 1 of'
	equal "$(spec)" "$before"
	equal "$(records)" "$kept"

	# back: the same lines on standard output as a deploy has
	expect 0 cdeploy rollback --gate off
	equal "$out" "$NAME-web updated $REPO:1@$(remote_digest "$REPO:1")"
	has "$err" '(commit c0ffee12, pipeline 41)'
	until_true answers "$port" one
	equal "$(revisions)" '3 2 1'
	equal "$(runs)" 3
	expect 0 cdeploy history
	has "$(sed -n 2p <<<"$out")" 'back to 1'
	equal "$(label commit)" c0ffee1234567890
	# 41 stays overtaken, 42 may deploy again
	equal "$(label pipeline)" 42
	expect 1 env CI_PIPELINE_ID=41 cdeploy --gate off
	expect 0 env CI_PIPELINE_ID=42 cdeploy --gate off
	until_true answers "$port" two
	equal "$(runs)" 4

	# a second one does not go to what was wrong, and says when there is nothing further back
	expect 0 cdeploy rollback 3
	until_true answers "$port" one
	before=$(spec)
	expect 4 cdeploy rollback
	message cdeploy 'none before revision 1'
	expect 4 cdeploy rollback 17
	message cdeploy 'revision 17' '5, 4, 3, 2, 1'
	expect 2 cdeploy rollback one
	# to what runs already: nothing is written
	expect 0 cdeploy rollback 1
	equal "${out% *}" "$NAME-web unchanged"
	equal "$(spec)" "$before"
	equal "$(revisions)" '5 4 3 2 1'
	expect 0 cdeploy rollback 2
	until_true answers "$port" two
}

@test "a rollback that does not come to run is taken back as an update is, and leaves no record" {
	file 1000 >orcinus.yml
	expect 0 cdeploy
	file 2000 >orcinus.yml
	expect 0 cdeploy
	# the record's spec, with a command that does not exist
	name=$(records | head -n 1)
	engine config inspect "$name" | jq -r '.[0].Spec.Data' | base64 -d |
		jq -c '.services[0].spec.TaskTemplate.ContainerSpec.Args = ["/no/such/program"]' >data
	forge "$name" <data
	expect 9 cdeploy rollback
	message cdeploy "$NAME-web"
	equal "$out" "$NAME-web rolled-back $(engine service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$NAME-web")"
	equal "$(sleeps)" 2000
	equal "$(revisions)" '2 1'
	equal "$(runs)" 2
	equal "$(locks)" 0
}

# forge NAME: a record of that name with the data on standard input, in the place of the one that is there.
forge() {
	local labels
	labels=$(engine config inspect "$1" | jq -r '.[0].Spec.Labels | to_entries[] | "-l\n" + .key + "=" + .value')
	engine config rm "$1" >/dev/null
	# shellcheck disable=SC2086 # options, none of whose values has a blank
	engine config create $labels "$1" - >/dev/null
}

@test "a record that somebody wrote by hand is one line, and nothing is touched" {
	file 1000 >orcinus.yml
	expect 0 cdeploy
	file 2000 >orcinus.yml
	expect 0 cdeploy
	name=$(records | head -n 1) before=$(spec)
	for data in 'no JSON' '{"format":7}' '{"format":1,"salt":"x","services":[{"spec":{"Name":"x"}}]}' \
		'{"format":1,"salt":"x","services":[]}' '[1]'; do
		forge "$name" <<<"$data"
		expect 1 cdeploy rollback
		message cdeploy 'revision 1: '
		equal "$(spec)" "$before"
	done
	expect 0 cdeploy history
	equal "$(wc -l <<<"$out")" 3
	# of an image without a digest nobody can say whether it was signed
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout -out "$T/k.pub"
	engine config inspect "$(records | tail -n 1)" | jq -r '.[0].Spec.Data' | base64 -d |
		jq -c '.services[0].spec.TaskTemplate.ContainerSpec.Image |= sub("@.*"; "")' >data
	forge "$name" <data
	expect 3 cdeploy rollback --verify-key "$T/k.pub"
	message cdeploy 'revision 1 cannot be verified' "$NAME-web" "$BUSYBOX" 'has no digest'
	equal "$(spec)" "$before"
	# another's service is not reached through it either
	engine service create -d --name "$NAME-other" "$BUSYBOX" sleep 1000 >/dev/null
	engine service update -q -d --label-add "io.cdeploy.project=$NAME-other" "$NAME-other" >/dev/null
	engine config inspect "$(records | tail -n 1)" | jq -r '.[0].Spec.Data' | base64 -d |
		jq -c --arg n "$NAME-other" '.services[0].spec.Name = $n' >data
	forge "$name" <data
	expect 1 cdeploy rollback
	message cdeploy "$NAME-other" 'belongs to project'
}

@test "no secret value can be read in a record, and it is found again where it still is" {
	secret() {
		file 1000 'environment:' "- DB_PASSWORD=$1" "- LEVEL=$2" "- DSN=postgres://u:$1-b@db/x" 'labels:' "    basicauth.users: \"u:$1-c\"" >orcinus.yml
	}
	secret canary-1 info
	expect 0 cdeploy
	secret canary-2 debug
	expect 0 cdeploy
	engine_text=$(texts)
	has "$engine_text" LEVEL=info
	has "$engine_text" DB_PASSWORD
	has_no "$engine_text" canary
	expect 0 cdeploy history --json
	has_no "$out$err" canary
	# it is in PreviousSpec
	expect 0 cdeploy rollback
	has_no "$out$err" canary
	has "$(engine service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Env}}' "$NAME-web")" 'DB_PASSWORD=canary-1 LEVEL=info DSN=postgres://u:canary-1-b@db/x'
	equal "$(engine service inspect --format '{{index .Spec.Labels "basicauth.users"}}' "$NAME-web")" u:canary-1-c
	# two further versions later nobody has it
	file 1000 'environment:' '- DB_PASSWORD=canary-3' >orcinus.yml
	expect 0 cdeploy
	file 1000 'environment:' '- DB_PASSWORD=canary-4' >orcinus.yml
	expect 0 cdeploy
	before=$(spec)
	expect 0 cdeploy rollback 4
	expect 0 cdeploy rollback 5
	expect 1 cdeploy rollback 1
	message cdeploy 'revision 1' "$NAME-web" DB_PASSWORD 'differs from it'
	has_no "$out$err" canary
	equal "$(revisions)" '7 6 5 4 3 2 1'
	# except a job, whose environment has it
	file 1000 'environment:' '- DB_PASSWORD=canary-5' >orcinus.yml
	expect 0 cdeploy
	file 1000 >orcinus.yml
	expect 0 cdeploy
	expect 0 env DB_PASSWORD=canary-4 cdeploy rollback 5
	has "$(engine service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Env}}' "$NAME-web")" DB_PASSWORD=canary-4
	has_no "$(texts)" canary
}

@test "what a revision needs and is gone is named before anything is touched" {
	cat >compose.yml <<-EOF2
		name: $NAME
		services:
		  web:
		    image: $BUSYBOX
		    command: ["sleep", "1000"]
		    secrets: [key]
		    networks: [inside]
		networks: {inside: {attachable: true}}
		secrets: {key: {file: key.txt}}
	EOF2
	echo first >key.txt
	expect 0 cdeploy -f compose.yml
	old=$(engine secret ls --format '{{.Name}}' --filter "label=com.docker.stack.namespace=$NAME")
	echo second >key.txt
	expect 0 cdeploy -f compose.yml
	# the history names it: it stays
	equal "$(engine secret ls -q --filter "label=com.docker.stack.namespace=$NAME" | wc -l)" 2
	expect 0 cdeploy rollback
	equal "$(engine service inspect --format '{{(index .Spec.TaskTemplate.ContainerSpec.Secrets 0).SecretName}}' "${NAME}_web")" "$old"
	expect 0 cdeploy rollback 2
	engine secret rm "$old" >/dev/null
	before=$(spec _web)
	expect 4 cdeploy rollback 1
	message cdeploy "secret '$old' does not exist"
	equal "$(spec _web)" "$before"
	equal "$(revisions)" '4 3 2 1'
	# services and their network are made again, as they were
	engine service rm "${NAME}_web" >/dev/null
	until_true no_network
	equal "$(runs)" ''
	expect 0 cdeploy rollback
	equal "${out% *}" "${NAME}_web created"
	equal "$(engine network inspect --format '{{.Attachable}}' "${NAME}_inside")" true
	# docker's own way leaves the history alone
	engine stack rm "$NAME" >/dev/null
	equal "$(revisions)" '5 4 3 2 1'
}

no_network() {
	engine network rm "${NAME}_inside" >/dev/null 2>&1 || :
	[ -z "$(engine network ls -q --filter "name=${NAME}_inside")" ]
}

@test "an image that the registry has no longer is status 4, and what runs is left alone" {
	port=$(free_port)
	web one "$REPO:1"
	web two "$REPO:2"
	stack "$REPO:1"
	expect 0 cdeploy
	stack "$REPO:2"
	expect 0 cdeploy
	gone=$(remote_digest "$REPO:1")
	curl -sSf --noproxy '*' -X DELETE "http://$E2E_REGISTRY/v2/$NAME/manifests/$gone"
	before=$(spec)
	expect 4 cdeploy rollback
	message cdeploy "$NAME-web" "${gone:0:19}"
	equal "$(spec)" "$before"
	answers "$port" two
}

@test "twelve deploys keep ten records, and a project does not see another's" {
	export CDEPLOY_STABLE=1ms
	for n in $(seq 12); do
		file "$((1000 + n))" 'replicas: 0' >orcinus.yml
		expect 0 cdeploy
	done
	equal "$(revisions)" '12 11 10 9 8 7 6 5 4 3'
	equal "$(records | wc -l)" 10
	expect 0 cdeploy --project "$NAME-2" history
	equal "$(wc -l <<<"$out")" 1
	expect 0 cdeploy --scope elsewhere history
	equal "$(wc -l <<<"$out")" 1
	expect 4 cdeploy --project "$NAME-2" rollback
	message cdeploy 'no deploy of this project is in the history'
}

@test "a deploy whose record was lost is recorded by the next run" {
	file 1000 >orcinus.yml
	expect 0 env CI_PIPELINE_ID=41 cdeploy
	file 2000 >orcinus.yml
	expect 0 env CI_PIPELINE_ID=42 cdeploy
	engine config rm "$(records | tail -n 1)" >/dev/null
	equal "$(revisions)" 1
	equal "$(runs)" ''
	before=$(spec)
	expect 0 env CI_PIPELINE_ID=43 cdeploy
	equal "$(spec)" "$before"
	equal "$(revisions)" '2 1'
	equal "$(cdeploy history --json | jq -r '.[0].pipeline')" 42
	# without that, the way back leads to what came last into it
	engine config rm "$(records | tail -n 1)" >/dev/null
	expect 0 cdeploy rollback
	equal "$(sleeps)" 1000
	equal "$(revisions)" '3 1'
}

@test "what was done by docker's own commands is seen, and a rollback begins at what runs" {
	for n in 1000 2000 3000; do
		file "$n" >orcinus.yml
		expect 0 cdeploy
	done
	equal "$(runs)" 3
	engine service rollback -q -d "$NAME-web" >/dev/null
	until_true eval '[ "$(runs)" = 2 ]'
	expect 0 cdeploy history
	has "$err" 'revision 3 was deployed last and does not run as it was'
	has "$err" "service '$NAME-web'"
	expect 0 cdeploy rollback
	has "$err" 'going back to revision 1'
	equal "$(sleeps)" 1000
	engine service update -q -d --env-add COLOUR=red "$NAME-web" >/dev/null
	equal "$(runs)" ''
	expect 0 cdeploy history
	[[ $(sed -n 2p <<<"$out") =~ ^4\ .*changed\ by\ hand\ since ]] || fail
	has "$err" environment
}

@test "in a merge request that is a draft nothing is rolled back" {
	file 1000 >orcinus.yml
	expect 0 cdeploy
	file 2000 >orcinus.yml
	expect 0 cdeploy
	expect 0 env GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_MERGE_REQUEST_IID=3 \
		CI_MERGE_REQUEST_TITLE='Draft: x' CI_MERGE_REQUEST_TARGET_BRANCH_NAME=master cdeploy rollback
	has "$err" 'nothing is deployed'
	equal "$(sleeps)" 2000
}
