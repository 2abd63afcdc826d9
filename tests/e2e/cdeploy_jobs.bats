# Jobs: services whose tasks are to end, once for each change of the file.

load helper

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE CDEPLOY_STABLE=1ms CDEPLOY_PROJECT=$NAME
}

teardown() {
	# shellcheck disable=SC2046 # a list of ids
	engine service rm $(engine service ls -q --filter "name=$NAME") >/dev/null 2>&1 || :
}

# job MODE WORDS: a file with one job, which says WORDS and does what they are.
job() {
	printf 'services:\n    %s-%s:\n        image: "%s"\n        mode: %s\n        restart_policy:\n            condition: none\n' \
		"$NAME" "$1" "$BUSYBOX" "$1"
	printf '        commands: ["sh", "-c", "'\''echo job: %s >&2; %s'\''"]\n' "$2" "$2"
} >orcinus.yml

# What each write changes; the states of all its tasks: "Complete Complete".
writes() {
	engine service inspect --format '{{.ID}} {{.Version.Index}}' "$NAME-$1"
}
# How often it was run anew.
runs_of() {
	engine service inspect "$NAME-$1" | jq '.[0].JobStatus.JobIteration.Index // 0'
}
tasks() {
	engine service ps --format '{{.CurrentState}}' "$NAME-$1" | cut -d' ' -f1 | sort | xargs
}

once_for_each_change() {
	job "$1" 'sleep 1'
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME-$1 created"
	# it has come to its end, and is not just begun
	equal "$(tasks "$1")" Complete
	before=$(writes "$1")
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME-$1 unchanged"
	equal "$(writes "$1")" "$before"
	first=$(runs_of "$1")
	equal "$(tasks "$1")" Complete
	job "$1" 'sleep 0'
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME-$1 updated"
	# of a global one the engine keeps the last task only
	[[ $(tasks "$1") =~ ^(Complete )?Complete$ ]] || fail "$(tasks "$1")"
	equal "$(runs_of "$1")" "$((first + 1))"
}

fails_at_once() {
	job "$1" 'exit 7'
	expect 1 cdeploy
	message cdeploy "$NAME-$1" 'exit (7)' 'removed again'
	has "$err" "$NAME-$1 | job: exit 7"
	equal "${out%% 1*}" "$NAME-$1 removed"
	equal "$(engine service ls -q --filter "name=$NAME-$1")" ''
}

@test "a replicated job runs to its end, once for each change" {
	once_for_each_change replicated-job
}

@test "a global job runs to its end, once for each change" {
	once_for_each_change global-job
}

@test "a job that fails is told with its exit status and last words" {
	fails_at_once replicated-job
	fails_at_once global-job
	# the changed one of a job that went well
	job replicated-job 'sleep 0'
	expect 0 cdeploy
	job replicated-job 'exit 7'
	expect 9 cdeploy
	message cdeploy "$NAME-replicated-job" 'exit (7)' 'the previous version has run again'
	has "$err" "$NAME-replicated-job | job: exit 7"
	# the engine says of its way back that it goes on, for ever
	job replicated-job 'sleep 0'
	expect 0 cdeploy plan
	has "$out" "$NAME-replicated-job: unchanged
"
}

@test "a job may fail as often as its restart policy lets it try again" {
	mkdir "$T/tries"
	job replicated-job 'mkdir /tries/$HOSTNAME; test `ls /tries | wc -l` -ge 5'
	sed -i 's/condition: none/{condition: on-failure, max_attempts: 4, delay: 100ms}/' orcinus.yml
	printf '        volumes: [tries]\nvolumes:\n    tries: {type: bind, source: "%s/tries", target: /tries}\n' "$T" >>orcinus.yml
	expect 0 cdeploy
	equal "$(tasks replicated-job)" 'Complete Failed Failed Failed Failed'
}

# after WORDS: web waits for a job that does what they are.
after() {
	job replicated-job "$1"
	printf '    %s-web:\n        image: "%s"\n        commands: [sleep, "%s"]\n        depends_on: [%s-replicated-job]\n' \
		"$NAME" "$BUSYBOX" "$2" "$NAME" >>orcinus.yml
}

@test "what depends on a job begins when the job is done, and is left alone when it fails" {
	after 'sleep 1' 1000
	expect 0 cdeploy
	local done_at=${err%%"create service '$NAME-web'"*}
	has "$done_at" "$NAME-replicated-job: 1/1 done"
	before=$(writes web)
	after 'exit 7' 1001
	expect 9 cdeploy
	message cdeploy "$NAME-replicated-job" 'exit (7)'
	equal "$(writes web)" "$before"
}

# To the engine's own watch such an end is a failed update.
@test "a service that ends with 0 and is not started again is done, the first time and after a change" {
	job replicated 'true one'
	expect 0 cdeploy
	job replicated 'true two'
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME-replicated updated"
	equal "$(tasks replicated)" 'Complete Complete'
	job replicated 'exit 7'
	expect 9 cdeploy --stable 5s
	message cdeploy "$NAME-replicated" 'exit (7)'
}

running_are() {
	[ "$(engine service ps --format '{{.CurrentState}}' "$NAME-$1" | grep -c '^Running')" = "$2" ]
}

taken_back() {
	[[ $(engine service inspect --format '{{.UpdateStatus.State}}' "$NAME-$1") = rollback_* ]]
}

# Of several it would go on to the last one. A scaler has made them; the file is silent about it.
@test "of a service that a scaler has made several tasks of, the swarm takes back what fails though nobody watches" {
	job replicated 'sleep 1000'
	sed -i 's/condition: none/condition: on-failure/' orcinus.yml
	expect 0 cdeploy
	engine service scale -d "$NAME-replicated=3" >/dev/null
	until_true running_are replicated 3
	# the number is no reason to write
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME-replicated unchanged"
	sed -i 's/sleep 1000/exit 7/g' orcinus.yml
	expect 0 cdeploy --detach
	until_true taken_back replicated
	has "$(engine service inspect "$NAME-replicated")" "sleep 1000"
	until_true running_are replicated 3
}
