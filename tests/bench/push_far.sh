# Pushing over a long line: a round trip takes 50 ms and the line is as wide as the machine, so what counts is how
# many round trips follow one another.
. "$HERE/lib.sh"

LAYERS=20
SIZE=$(scaled 10000000)
JOBS=4
. "$HERE/push_lib.sh"

if ! has python3; then
	skip 'push_far' 'python3 is not installed'
	exit 0
fi
echo "push_far: $LAYERS layers of $(calc %.1f "$SIZE / 1e6") MB, $JOBS at a time, with round trips of 50 ms"
push_begin
push_from_far 50
push_rows ''

LAYERS=1 SIZE=$(scaled 1000000000)
echo "push_far: one layer of $(calc %.0f "$SIZE / 1e6") MB, with round trips of 50 ms"
make_layout
push_rows ''
