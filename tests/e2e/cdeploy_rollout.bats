# Rollouts on a real engine: what goes wrong, who answers meanwhile, and what a killed deploy leaves to the next one.
#
# Published ports need IPVS here, which not every kernel has, and in host mode they exclude a second task beside
# the first; so the services are asked through the stack's own network, from a container in it.

load helper
load rollout

setup() {
	begin
	export DOCKER_HOST=$E2E_ENGINE
	app_image
}

teardown() {
	stop_asking
	remove_stack
}

# in_dir NAME COMMAND...: in a folder of its own, its status and output beside it
in_dir() {
	local dir=$T/src/$1 got=0
	shift
	cd "$dir" || return
	"$@" >out 2>err </dev/null 3>&- || got=$?
	echo "$got" >status
}

@test "an update by a moved tag: somebody answers all the time" {
	web one "$REPO:latest"
	printf 'stack: "%s"\nservices:\n    %s-web:\n        image: "%s"\n' "$NAME" "$NAME" "$REPO" >orcinus.yml
	expect 0 cdeploy --stable 1s
	start_asker
	ask_on "tasks.$NAME-web" web
	web two "$REPO:latest"
	expect 0 cdeploy --stable 1s
	equal "$out" "$NAME-web updated $REPO:latest@$(remote_digest "$REPO:latest")"
	until_true grep -q two "$T/asked/web"
	equal "$(what_came web)" 'one two '
}

# each KIND FUNCTION: for all kinds at once, in folders of their own
each() {
	local kind what=$1 pids=''
	shift
	for kind in "$@"; do
		"$what" "$kind" &
		pids="$pids $!"
	done
	# not all children: somebody may be asking
	# shellcheck disable=SC2086 # a list
	wait $pids
}
first_version() {
	mkdir -p "$T/src/$1"
	stack_file "$NAME-$1" "app, serve, $1-1" >"$T/src/$1/orcinus.yml"
	in_dir "$1" cdeploy --stable 1ms
}
went_well() {
	local kind
	for kind in "$@"; do
		equal "$(cat "$kind/status")" 0 "$kind: $(cat "$kind/err")"
		task_of "$NAME-$kind" >"$kind/task"
	done
}
# shellcheck disable=SC2034 # err is what message looks at
# taken_back KIND WORDS: the reason is told, and the first version is the one that runs
taken_back() {
	err=$(cat "$1/err") out=$(cat "$1/out")
	equal "$(cat "$1/status")" 9 "$1"
	equal "$out" "$NAME-$1 rolled-back $APP@$(remote_digest "$APP")" "$1"
	message cdeploy "$NAME-$1" "$2" 'the previous version is running again'
	equal "$(engine service inspect --format '{{index .Spec.TaskTemplate.ContainerSpec.Args 2}}' "$NAME-$1")" "$1-1"
	until_true runs "$NAME-$1"
}

bad_version() {
	local d=$T/src/$1/orcinus.yml s=$NAME-$1
	case $1 in
	start) stack_file "$s" '/bin/none' ;;
	sick) stack_file "$s" 'app, sick' 'healthcheck:' '    test: ["CMD-SHELL", "echo no table users; exit 1"]' '    interval: 1s' '    retries: 1' ;;
	pull) APP=$private/app:1 stack_file "$s" 'app, serve, pull-2' ;;
	pending) stack_file "$s" 'app, serve, pending-2' 'constraint: "node.labels.nowhere==yes"' ;;
	crash) stack_file "$s" 'app, die, 0' ;;
	paused) stack_file "$s" 'app, die, 0' 'deploy:' '    iffailure: pause' ;;
	esac >"$d"
	case $1 in
	pull) in_dir pull cdeploy --registry-auth none ;;
	pending) in_dir pending cdeploy --pending-timeout 2s ;;
	*) in_dir "$1" cdeploy ;;
	esac
}

@test "a new version that never comes to run: status 9, the reason, and the old task answers throughout" {
	local kind kinds='start sick pull pending'
	htpasswd -Bbn -C 5 anna geheim-1 >"$T/passwords"
	private=$("$E2E_SERVERS/registry" start "$T/registry" htpasswd "$T/passwords")
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --dest-creds anna:geheim-1 "docker://$APP" \
		"docker://$private/app:1"
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$private" "$(printf anna:geheim-1 | base64 -w0)" \
		>"$HOME/.docker/config.json"
	# shellcheck disable=SC2086 # a list
	each first_version $kinds && went_well $kinds
	start_asker
	for kind in $kinds; do
		ask_on "$(address_of "$NAME-$kind")" "$kind"
	done
	# shellcheck disable=SC2086
	each bad_version $kinds
	"$E2E_SERVERS/registry" stop "$T/registry"
	taken_back start /bin/none
	taken_back sick healthy
	has "$err" "$NAME-sick: its health check ended with 1: no table users"
	taken_back pull 'No such image'
	taken_back pending 'no suitable node'
	for kind in $kinds; do
		equal "$(task_of "$NAME-$kind")" "$(cat "$kind/task")" "$kind: another task"
		equal "$(what_came "$kind")" "$kind-1 " "$kind"
	done
}

# Without a healthcheck the engine stops the old task as soon as the new one has begun.
@test "a new version that ends by itself: status 9, its last words, and the old one is back" {
	local kinds='crash paused'
	# shellcheck disable=SC2086 # a list
	each first_version $kinds && went_well $kinds
	# shellcheck disable=SC2086
	each bad_version $kinds
	taken_back crash 'exit (3)'
	taken_back paused 'exit (3)'
	has "$(cat crash/err)" "$NAME-crash | app: no database at db:5432"
}

# The stable window of 5 s is longer; the delay keeps the engine from the second task until it is over.
@test "a new version that dies after 4 seconds: status 9, and a task of the old one answers throughout" {
	local task n=0 came=''
	stack_file "$NAME-late" 'app, serve, old' 'replicas: 2' >orcinus.yml
	expect 0 cdeploy --stable 1ms
	start_asker
	for task in $(task_of "$NAME-late"); do
		n=$((n + 1))
		ask_on "$(engine inspect --format '{{range .NetworksAttachments}}{{index .Addresses 0}} {{end}}' "$task" |
			cut -d/ -f1)" late$n
	done
	equal "$n" 2
	stack_file "$NAME-late" 'app, die, 4' 'replicas: 2' 'deploy:' '    delay: 60s' >orcinus.yml
	expect 9 cdeploy
	message cdeploy "$NAME-late" 'exit (3)' 'the previous version is running again'
	has "$err" "$NAME-late | app: no database at db:5432"
	for n in 1 2; do
		came="$came$(what_came late$n),"
	done
	[[ ",$came" == *,'old ,'* ]] || fail "came: $came"
}

@test "one bad service takes all of the stack back" {
	stack_file "$NAME-a" 'app, serve, one' >orcinus.yml
	stack_file "$NAME-b" 'app, serve, one' | tail -n +3 >>orcinus.yml
	expect 0 cdeploy --stable 1ms
	stack_file "$NAME-a" 'app, serve, two' >orcinus.yml
	stack_file "$NAME-b" '/bin/none' | tail -n +3 >>orcinus.yml
	expect 9 cdeploy --stable 1s
	equal "$(cut -d' ' -f1,2 <<<"$out" | tr '\n' ' ')" "$NAME-a rolled-back $NAME-b rolled-back "
	for s in a b; do
		equal "$(engine service inspect --format '{{index .Spec.TaskTemplate.ContainerSpec.Args 2}}' "$NAME-$s")" one
	done
}

# killed_and_healed NAME: three times, the file changes, a deploy of it is killed at some moment, the next one must
# end in the file's state.
killed_and_healed() {
	local round moment pid got seed=$RANDOM$BASHPID
	mkdir -p "$T/src/$1"
	cd "$T/src/$1" || return
	for round in 1 2 3; do
		stack_file "$NAME-$1" "app, serve, $1-$round" >orcinus.yml
		seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
		moment=$((seed / 16 % 3000))
		cdeploy --stable 1s >/dev/null 2>&1 </dev/null 3>&- &
		pid=$!
		sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		got=0
		cdeploy --stable 1s >out 2>err </dev/null 3>&- || got=$?
		echo "$1 $round killed after $moment ms: $got $(engine service inspect --format \
			'{{index .Spec.TaskTemplate.ContainerSpec.Args 2}}' "$NAME-$1") $(runs "$NAME-$1" && echo runs)"
		[ "$got" -eq 0 ] || cat err
	done >rounds
}

@test "killed at any moment, the next deploy ends in the file's state" {
	local lane lanes='k l m n o'
	# shellcheck disable=SC2086 # a list
	each killed_and_healed $lanes
	for lane in $lanes; do
		equal "$(sed 's/ killed.*:/:/' "$lane/rounds")" "$lane 1: 0 $lane-1 runs
$lane 2: 0 $lane-2 runs
$lane 3: 0 $lane-3 runs" "$(cat "$lane/rounds")"
	done
}
