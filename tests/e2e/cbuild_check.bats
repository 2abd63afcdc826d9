# Looking at a Dockerfile instead of building it, as jobs and editors do.

load helper

setup() {
	begin
	dockerfile <<-EOF2
	# the release that is built from
	ARG BASE=$BUSYBOX
	# base has what all need
	FROM \$BASE AS base
	ENV WHERE=\$HOME/\$UNSET
	# app is what runs
	FROM base AS app
	# WHO is greeted
	ARG WHO=world
	RUN --mount=type=secret,id=token,required true
	CMD echo \$WHO
	EOF2
}

@test "a check finds what is doubtful, is status 1, and builds nothing" {
	expect 1 cbuild --check .
	has "$out" 'WARNING: JSONArgsRecommended'
	has "$out" 'Dockerfile:11'
	# the base was looked at: what it does not set is undefined
	has "$out" "'\$UNSET'"
	message cbuild checks
	[ ! -e "$CBUILD_ROOT/store/index.json" ] || fail 'something was stored'
	nothing_in_tmp
}

@test "a base that is not there is asked for once, and the file is looked at" {
	sed -i "s|BASE=.*|BASE=127.0.0.1:9/none:1|" Dockerfile
	expect 1 cbuild --check .
	has "$out" 'WARNING: JSONArgsRecommended'
	has "$err" '127.0.0.1:9/none:1'
	has_no "$err" retrying
}

@test "a file with nothing doubtful is status 0" {
	printf 'FROM scratch\nCOPY Dockerfile /\n' >Dockerfile
	expect 0 cbuild --check .
	equal "$out" 'Check complete, no warnings found.'
}

@test "checks, outline and targets as JSON" {
	expect 1 cbuild --call check,format=json .
	equal "$(jq -r '.warnings[].ruleName' <<<"$out" | sort -u | tr '\n' ' ')" 'JSONArgsRecommended UndefinedVar '
	equal "$(jq -r '.sources[0].data' <<<"$out" | base64 -d | cksum)" "$(cksum <Dockerfile)"
	expect 0 cbuild --call outline,format=json --target app --build-arg WHO=me .
	equal "$(jq -r '[.args[].name] | join(" ")' <<<"$out")" 'BASE WHO'
	equal "$(jq -r '.secrets[0].required' <<<"$out")" true
	expect 0 cbuild --call targets,format=json .
	equal "$(jq -r '[.targets[].name] | join(" ")' <<<"$out")" 'base app'
}

@test "a build warns, and check=error=true makes it fail before anything runs" {
	printf 'FROM %s\nENV DB_PASSWORD=x\nRUN echo it ran >&2\n' "$BUSYBOX" >Dockerfile
	expect 0 cbuild .
	has "$err" 'Dockerfile:2: SecretsUsedInArgOrEnv'
	sed -i '1i # check=error=true' Dockerfile
	expect 2 cbuild .
	message cbuild SecretsUsedInArgOrEnv
	has_no "$err" 'it ran'
}

@test "what is no Dockerfile is status 2, also where a check was asked for" {
	echo 'FORM x' >Dockerfile
	expect 2 cbuild --check .
	message cbuild Dockerfile:1 FROM
	expect 2 cbuild --call check,format=json .
	has "$(jq -r .buildError.message <<<"$out")" 'Dockerfile:1'
	expect 2 cbuild --call lint .
	message cbuild lint
}

@test "what a check finds is a report that merge requests show" {
	local first
	expect 1 env CI_PROJECT_DIR="$T" cbuild --check --code-quality "$T/quality.json" .
	first=$(jq -c '[.[] | {check_name, severity, location}]' "$T/quality.json")
	has "$first" '{"check_name":"JSONArgsRecommended","severity":"minor","location":{"path":"src/Dockerfile","lines":{"begin":11}}}'
	first=$(jq -r '.[].fingerprint' "$T/quality.json" | sort)
	equal "$(uniq <<<"$first")" "$first"
	sed -i '1i # one more line' Dockerfile
	expect 1 env CI_PROJECT_DIR="$T" cbuild --check --code-quality "$T/quality.json" .
	equal "$(jq -r '.[].fingerprint' "$T/quality.json" | sort)" "$first"
	equal "$(jq -c '.[] | select(.check_name == "JSONArgsRecommended") | .location.lines' "$T/quality.json")" '{"begin":12}'
	printf 'FROM scratch\nCOPY Dockerfile /\n' >Dockerfile
	expect 0 cbuild --check --code-quality "$T/quality.json" .
	equal "$(cat "$T/quality.json")" '[]'
	expect 2 cbuild --code-quality "$T/quality.json" .
	message cbuild --code-quality --check
}
