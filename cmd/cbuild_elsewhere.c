/*
 * Whoever comes with a pipeline of kaniko's, buildah's or docker's is told what to write instead;
 * docs/MIGRATING.md has it all at once.
 */
#include "cmd/cbuild_elsewhere.h"

#define LATER	 "comes with a later version"
#define NO_CACHE "there is no layer cache in this version (a base is kept unpacked)"
#define NO_NEED	 "not needed: only what an instruction changed is looked at"
#define NO_TRACE "not needed: nothing of a build is left behind"
#define RETRIES	 "not needed: registries are asked again by themselves"
#define INSECURE                                                                                   \
	"--plain-http HOST speaks http with a registry, --ca FILE trusts its certificate, "        \
	"/etc/docker/certs.d has client certificates"
#define MIGRATING "is kaniko's and has nothing like it here (docs/MIGRATING.md)"

const struct opt_elsewhere cbuild_elsewhere[] = {
	/* kaniko */
	{ "bucket", MIGRATING },
	{ "cache-copy-layers", "not needed: --cache keeps what every instruction made" },
	{ "cache-dir", "not needed: bases are kept below --root" },
	{ "cache-run-layers", "not needed: --cache keeps what every instruction made" },
	{ "cleanup", NO_TRACE },
	{ "compressed-caching", "not needed: layers are not held in memory" },
	{ "context-sub-path", "write the sub-directory into --context" },
	{ "credential-helpers", "the credHelpers of docker's config.json are used" },
	{ "custom-platform", "it is --platform here" },
	{ "customPlatform", "it is --platform here" },
	{ "force", "not needed: cbuild runs in a container and outside of one alike" },
	{ "git", MIGRATING },
	{ "ignore-path", "not needed: RUN sees only the image's own files" },
	{ "ignore-var-run", "not needed: RUN sees only the image's own files" },
	{ "image-download-retry", RETRIES },
	{ "image-fs-extract-retry", RETRIES },
	{ "image-name-tag-with-digest-file", "--metadata-file has names and digest" },
	{ "image-name-with-digest-file", "--metadata-file has names and digest" },
	{ "insecure", INSECURE },
	{ "insecure-pull", INSECURE },
	{ "insecure-registry", INSECURE },
	{ "kaniko-dir", "it is --root here" },
	{ "log-format", "it is --progress here" },
	{ "log-timestamp", "it is --progress here" },
	{ "materialize", MIGRATING },
	{ "pre-cleanup", NO_TRACE },
	{ "preserve-context", NO_TRACE },
	{ "push-ignore-immutable-tag-errors", MIGRATING },
	{ "push-retry", RETRIES },
	{ "registry-certificate", INSECURE },
	{ "registry-client-cert", INSECURE },
	{ "registry-map", MIGRATING },
	{ "reproducible", "--source-date-epoch makes equal inputs equal images" },
	{ "single-snapshot", MIGRATING },
	{ "skip-push-permission-check",
	  "not needed: 'cpush --check IMAGE' asks whether one may push" },
	{ "skip-tls-verify", INSECURE },
	{ "skip-tls-verify-pull", INSECURE },
	{ "skip-tls-verify-registry", INSECURE },
	{ "skip-unused-stages", "not needed: only the stages that the target needs are built" },
	{ "snapshot-mode", NO_NEED },
	{ "snapshotMode", NO_NEED },
	{ "use-new-run", NO_NEED },
	{ "verbosity", "it is -v, or -q, here" },
	/* docker build and buildx */
	{ "attest", LATER },
	{ "builder", "there is no daemon and no builder to choose" },
	{ "force-rm", NO_TRACE },
	{ "load", "there is no daemon to load into: without --push the image goes to the store "
		  "(cpush pushes it from there); -o type=docker,dest=- is for docker load" },
	{ "rm", NO_TRACE },
	{ "squash", "every instruction that changes files is a layer here" },
	/* buildah */
	{ "cert-dir", INSECURE },
	{ "creds", "credentials come from docker's config.json or --authfile" },
	{ "format", "-o with oci-mediatypes=false is docker's format" },
	{ "layers", "results of steps are kept anyway; --no-cache builds anew" },
	{ "logfile", "the story goes to standard error" },
	{ "manifest", "several platforms make an index" },
	{ "pull-always", "it is --pull here" },
	{ "retry", RETRIES },
	{ "retry-delay", RETRIES },
	{ "rewrite-timestamp", "--source-date-epoch does it" },
	{ "storage-driver", "not needed: the store is a directory, --root" },
	{ "timestamp", "it is --source-date-epoch here" },
	{ "tls-verify", INSECURE },
	{ NULL, NULL },
};
