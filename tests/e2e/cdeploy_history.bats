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
	expect 11 cdeploy -f second.yml
	message cdeploy "$NAME" anna@ https://git.example/jobs/7 --lock-wait
	expect 11 cdeploy rm
	message cdeploy "$NAME" anna@
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
	cdeploy --stable 10m >/dev/null 2>&1 3>&- &
	pid=$!
	until_true holds_the_lock
	expect 0 cdeploy unlock
	has "$out" 'is broken'
	equal "$(locks)" 0
	expect 0 cdeploy unlock
	has "$out" 'nobody holds the lock'
	kill -TERM "$pid"
	wait "$pid" || :
}
