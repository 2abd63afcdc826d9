# Pushing one layer of 1 GB to a registry on this machine: how near to a bare upload, and how much memory.
. "$HERE/lib.sh"

LAYERS=1
SIZE=$(scaled 1000000000)
JOBS=4
. "$HERE/push_lib.sh"

echo "push_big: one layer of $(calc %.0f "$SIZE / 1e6") MB to docker-registry on loopback"
push_begin
push_rows ''
push_memory
