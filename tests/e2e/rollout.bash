# What the stories of rollouts share: a service whose behaviour is in its `commands`, and somebody who asks
# it all the time. `load rollout` after helper.

# The image, made once for the run: app serve TEXT | app die SECONDS | app sick TEXT
app_image() {
	APP=$E2E_REGISTRY/rollout/app:1
	[ ! -e "$E2E_DIR/rollout-app" ] || return 0
	mkdir -p "$T/app"
	cat >"$T/app/app" <<-'EOF2'
	#!/bin/sh
	trap 'exit 0' TERM
	case $1 in
	serve)
		mkdir -p /tmp/www
		echo "$2" >/tmp/www/index.html
		httpd -f -p 8080 -h /tmp/www &
		;;
	die)
		echo "app: cannot go on"
		sleep "$2" &
		wait
		echo "app: no database at db:5432" >&2
		exit 3
		;;
	sick) sleep 1000 & ;;
	esac
	wait
	EOF2
	dockerfile "$T/app/Dockerfile" <<-EOF2
	FROM $BUSYBOX
	COPY --chmod=755 app /bin/app
	EOF2
	expect 0 cbuild -t "$APP" "$T/app"
	expect 0 cpush "$APP"
	touch "$E2E_DIR/rollout-app"
}

# stack_file SERVICE COMMANDS [LINE...] >FILE: a service in the stack $NAME, without ports.
stack_file() {
	printf 'stack: "%s"\nservices:\n    %s:\n        image: "%s"\n        commands: [%s]\n' \
		"$NAME" "$1" "$APP" "$2"
	shift 2
	[ $# -eq 0 ] || printf '        %s\n' "$@"
}

# The addresses of the stack's tasks are only known inside its network: whoever asks stands in the network of a
# container there.
start_asker() {
	engine service create --detach --name "$NAME-asker" --network "$NAME" \
		"$BUSYBOX" sh -c 'trap "exit 0" TERM; sleep 100000 & wait' >/dev/null
	until_true runs "$NAME-asker"
	asker=$(engine inspect --format '{{.State.Pid}}' "$(engine ps -q --filter "name=$NAME-asker")")
	# as we see it; the engine has a pid namespace of its own
	asker=$(outer_pid "$asker")
	mkdir -p "$T/asked"
}

outer_pid() {
	local file # shellcheck disable=SC2013
	for file in $(grep -lE "^NSpid:[[:space:]]+[0-9]+[[:space:]]+$1([[:space:]]|\$)" /proc/[0-9]*/status 2>/dev/null); do
		! grep -qF "$E2E_DIR/" "${file%/status}/mountinfo" 2>/dev/null || basename "${file%/status}"
	done
}

# ask_on HOST NAME: begins to ask; what_came NAME: ends that and gives each answer once, "none" among them.
ask_on() {
	"$E2E_SERVERS/asker" "$asker" "$1" "$T/asked/$2" </dev/null >/dev/null 2>&1 3>&- &
	echo $! >"$T/asked/$2.pid"
	until_true test -s "$T/asked/$2"
}
what_came() {
	kill "$(cat "$T/asked/$1.pid")" 2>/dev/null || :
	rm -f "$T/asked/$1.pid"
	sort -u "$T/asked/$1" | tr '\n' ' '
}
stop_asking() {
	local file # shellcheck disable=SC2013
	for file in "$T"/asked/*.pid; do
		[ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || :
	done
}

runs() {
	[ "$(engine service ps --filter desired-state=running --format '{{.CurrentState}}' "$1" | cut -d' ' -f1)" = Running ]
}

# The one running task: its id, its address in the stack's network.
task_of() {
	engine service ps -q --no-trunc --filter desired-state=running "$1"
}
address_of() {
	engine inspect --format '{{range .NetworksAttachments}}{{index .Addresses 0}} {{end}}' "$(task_of "$1")" |
		cut -d/ -f1
}

remove_stack() {
	# shellcheck disable=SC2046 # a list of ids
	engine service rm $(engine service ls -q --filter "name=$NAME") >/dev/null 2>&1 || :
	engine network rm "$NAME" >/dev/null 2>&1 || :
}
