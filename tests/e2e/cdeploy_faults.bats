# An engine that loses answers, refuses, hangs and talks nonsense: what cdeploy ends with, and what is there then.

load helper

setup() {
	begin
	at=$("$E2E_SERVERS/faults" start "$T/faults" "unix:${E2E_ENGINE#unix://}")
	export DOCKER_HOST=tcp://$at CDEPLOY_STABLE=1s
	orcinus one
}

teardown() {
	"$E2E_SERVERS/faults" stop "$T/faults"
	remove_services "$NAME"
}

# One service without tasks; its label says which version of the file it is.
orcinus() {
	printf 'services:\n    %s:\n        image: "%s"\n        replicas: 0\n        labels:\n            v: "%s"\n' \
		"$NAME" "$BUSYBOX" "$1" >orcinus.yml
}

rules() {
	printf '%s\n' "$@" >"$T/faults/rules"
}

label() {
	engine service inspect --format '{{.Spec.Labels.v}}' "$NAME"
}

# How many requests of METHOD for PATTERN came.
came() {
	local n
	n=$(grep -cE "^$1 [^ ]* [^ ]*$2" "$T/faults/log") || :
	echo "${n:-0}"
}

@test "a create whose answer is lost is looked up, and not made twice" {
	rules 'POST /services/create 1 swallow'
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME created"
	equal "$(engine service ls -q --filter "name=$NAME" | wc -l)" 1
}

@test "a create that never arrived is made again" {
	rules 'POST /services/create 1 cut-request all'
	expect 0 cdeploy
	equal "$(came POST /services/create)" 2
	equal "$(engine service ls -q --filter "name=$NAME" | wc -l)" 1
}

# The version of the file that is there, how often it was written since, and what was there before.
written() {
	engine service inspect --format '{{.Spec.Labels.v}} {{.Version.Index}} {{.PreviousSpec.Labels.v}}' "$NAME"
}

OUT_OF_SEQUENCE="reply 500 'body={\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}'"

@test "an update whose answer is lost is looked up, and not written twice; one that never arrived is repeated" {
	expect 0 cdeploy
	rules 'POST /services/[^/]*/update 1 swallow'
	orcinus two
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME updated"
	# the client may send it once more on a new connection; the engine takes it once
	equal "$(grep -cE '/update.* (swallow|200)$' "$T/faults/log")" 1
	# written twice, the second would have the first as what was before
	equal "$(written | cut -d' ' -f1,3)" 'two one'

	: >"$T/faults/log"
	rules 'POST /services/[^/]*/update 1 cut-request all'
	orcinus three
	expect 0 cdeploy
	equal "$(came POST '/services/[^/]*/update')" 2
	equal "$(written | cut -d' ' -f1,3)" 'three two'
	before=$(written)
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME unchanged"
	equal "$(written)" "$before"
}

@test "an update out of sequence is repeated when nothing has changed, and left alone when somebody was faster" {
	expect 0 cdeploy
	rules "POST /services/[^/]*/update 1-2 $OUT_OF_SEQUENCE"
	orcinus two
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME updated"
	equal "$(written | cut -d' ' -f1,3)" 'two one'

	# really so: the version has moved on when ours arrives, the spec has not
	: >"$T/faults/log"
	rules "POST /services/[^/]*/update 1 until '$T/other'"
	orcinus three
	(expect 0 cdeploy) 3>&- &
	until_true test -e "$T/other.here"
	engine service update -d --label-rm none "$NAME" >/dev/null
	touch "$T/other"
	wait $!
	equal "$(came POST '/services/[^/]*/update')" 2
	has "$(cat "$T/faults/log")" '/update?version='
	equal "$(written | cut -d' ' -f1,3)" 'three two'

	# and with the spec of somebody else: theirs stays
	rules "POST /services/[^/]*/update 1 until '$T/theirs'"
	orcinus four
	(expect 1 cdeploy && message cdeploy "$NAME" 'somebody else changed it meanwhile') 3>&- &
	until_true test -e "$T/theirs.here"
	engine service update -d --label-add v=theirs "$NAME" >/dev/null
	touch "$T/theirs"
	wait $!
	equal "$(written | cut -d' ' -f1,3)" 'theirs three'
}

@test "a leader that is missed for a moment is waited for; one that stays away is status 5" {
	rules "POST /services/create 1 reply 500 'body={\"message\":\"rpc error: code = DeadlineExceeded desc = context deadline exceeded\"}'"
	expect 0 cdeploy
	equal "$(came POST /services/create)" 2
	remove_services "$NAME"
	rules "* /services * reply 503 'body={\"message\":\"The swarm does not have a leader.\"}'"
	expect 5 cdeploy
	message cdeploy 'does not have a leader'
}

@test "a leader that is missed while something is written is waited for as long as an election takes" {
	# two looks have come before the first write
	rules "POST /services/create 1 reply 503 'body={\"message\":\"The swarm does not have a leader.\"}'" \
		"GET /services[?]status 3-6 reply 503 'body={\"message\":\"The swarm does not have a leader.\"}'"
	expect 0 cdeploy
	has "$err" 'does not have a leader.; going on asking'
	equal "$(came POST /services/create)" 2
	equal "$(engine service ls -q --filter "name=$NAME" | wc -l)" 1
}

@test "answers that are no answers are told in a line" {
	rules "GET /v1.*/services * reply 200 'body=<html>hello'"
	expect 1 cdeploy
	message cdeploy "the engine's answer"
	rules "GET /v1.*/services * reply 200 'body={}'"
	expect 1 cdeploy
	message cdeploy 'not a list'
	rules 'GET /v1.*/services * reply 200 size=20000000'
	got=0
	cdeploy >"$T/stdout" 2>"$T/stderr" || got=$?
	err=$(cat "$T/stderr") out=''
	[ "$got" -eq 1 ] || [ "$got" -eq 2 ] || fail "status $got"
	message cdeploy
	rules "GET /_ping * reply 200 'body=OK'"
	expect 5 cdeploy
	message cdeploy 'no Docker engine'
	equal "$(came POST .)" 0
}

@test "a slow engine is waited for, and a connection that closes is asked again" {
	rules 'GET /v1.*/(services|networks) * delay 1' 'GET /v1.*/services 1 cut-answer 0'
	expect 0 cdeploy
	equal "${out%% 1*}" "$NAME created"
}

@test "an unchanged stack of fifty services is five requests at most, and no write" {
	{
		echo services:
		for n in $(seq 50); do
			printf '    %s-%s:\n        image: "%s"\n        replicas: 0\n' "$NAME" "$n" "$BUSYBOX"
		done
	} >orcinus.yml
	expect 0 cdeploy --detach
	: >"$T/faults/log"
	before=$(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/busybox/")
	began=$(date +%s%N)
	expect 0 cdeploy
	echo "# $(((($(date +%s%N) - began)) / 1000000)) ms" >&3
	equal "$(grep -c unchanged <<<"$out")" 50
	equal "$(grep -cv '^GET ' "$T/faults/log" || :)" 0
	[ "$(wc -l <"$T/faults/log")" -le 5 ] || fail "$(cat "$T/faults/log")"
	# one image, asked for once
	[ $(($(requests "$E2E_DIR/registry" '[A-Z]+' "/v2/busybox/") - before)) -le 3 ]
	# shellcheck disable=SC2046 # a list of ids
	engine service rm $(engine service ls -q --filter "name=$NAME-") >/dev/null
}

@test "a service whose create was under way when the job was cancelled is removed again" {
	rules 'POST /services/create 1 drip 1 1'
	cdeploy >"$T/stdout" 2>"$T/stderr" &
	pid=$!
	until_true label
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	equal "$got" 143
	equal "$(engine service ls -q --filter "name=$NAME" | wc -l)" 0
}
