#!/usr/bin/env bats
# --report: what a build says about itself when it has ended.

load helper

setup() {
	begin
	dockerfile <<-EOF2
	FROM $BUSYBOX AS app
	ARG WHO=me
	RUN head -c 300000 /dev/zero >/large && echo '<script>alert(1)</script>' >/small
	RUN rm /large && echo "\$WHO"
	EOF2
}

@test "a report says what was cached, what weighs what, and what is hidden" {
	expect 0 cbuild -t app --report "$T/one.json" --progress plain .
	equal "$(jq -r '.digest' "$T/one.json")" "$out"
	equal "$(jq -r '.input' "$T/one.json")" "$(cbuild --print-input .)"
	equal "$(jq -c '[.steps[].outcome]' "$T/one.json")" '["done","done","done"]'
	equal "$(jq -r '.steps[1].not_cached' "$T/one.json")" 'first build of this step'
	equal "$(jq -c '.hidden, .hidden_bytes, .before' "$T/one.json" | tr '\n' ' ')" \
		'[{"path":"large","bytes":300000,"layer":2}] 300000 null '
	equal "$(jq '([.layers[].bytes] | add) < .bytes' "$T/one.json")" true
	has "$err" '300 kB are added by one layer and hidden by a later one'

	sed -i 's/echo "/echo more "/' Dockerfile
	expect 0 cbuild -t app --report "$T/two.json" --report "$T/two.html" .
	equal "$(jq -c '[.steps[].outcome]' "$T/two.json")" '["done","cached","done"]'
	equal "$(jq -r '.before.name, .before.bytes' "$T/two.json" | tr '\n' ' ')" \
		"docker.io/library/app:latest $(jq .bytes "$T/one.json") "
	has "$(cat "$T/two.html")" '&lt;script&gt;alert(1)'
	has_no "$(cat "$T/two.html")" '<script'
	python3 "$BATS_TEST_DIRNAME/report_page.py" "$T/two.html" "$T/two.json"
}

@test "in a browser, light and dark, also without scripts, the page shows the numbers of the JSON and asks for nothing" {
	dockerfile <<-EOF2
	FROM $BUSYBOX AS tools
	RUN head -c 200000 /dev/urandom >/tool
	FROM $BUSYBOX AS app
	COPY --from=tools /tool /usr/bin/tool
	ARG WHO=me
	RUN head -c 300000 /dev/urandom >/large && echo '<script>console.log("1")</script>' >/small
	RUN rm /large && echo "\$WHO"
	EOF2
	expect 0 cbuild -t app .
	sed -i 's/echo "/echo more "/' Dockerfile
	expect 0 cbuild -t app --report "$T/r.json" --report "$T/r.html" .
	expect 0 python3 "$BATS_TEST_DIRNAME/browse.py" "$T/r.html" "$T/r.json" "$T"
	for mode in light dark; do
		equal "$(head -c 4 "$T/$mode.png" | tail -c 3)" PNG
	done
}
