/*
 * RUN in a container that may make neither namespaces nor mounts, GitLab's docker executor with its
 * default settings say: a stage's directory takes the place of "/" by renames (exchange.h), the
 * command runs in it as a bare process (helper.h), and the container's own files come back, on every
 * way out but SIGKILL. After that one they come back when cbuild is started the next time.
 *
 * What stays in place during a RUN ("kept"): every mount point, /proc, /sys, /dev, /etc/hosts, hostname
 * and resolv.conf (with their bytes), the directory with our state, --root, what the build's options
 * name (contexts, sockets of ssh agents), and /cbuild where the program lies there. An image's own
 * content in one of these places is out of a RUN's sight and in the image unchanged.
 *
 * A RUN is root of this container, less one capability: what other processes know (environ, mem, fd) is
 * closed to it, files on the job's mounts are not. It can destroy the container, not the machine.
 *
 * One build at a time in a container, others wait: the lock is on "/" itself, and the monitor of a
 * RUN has it, too, so that nobody restores while anything of a killed build lives. One RUN at a
 * time, of all stages. Meanwhile the threads of this program go on, with what they have open and
 * with kept paths. What they would look up elsewhere is not looked up:
 *	programs (git, credential helpers), files of passwords: wait, base/rootdir.h
 *	certificates: read at the start (base/trust_files.c, registry/certs.c), and no folder of them is looked into
 *	name service: "files dns" without nsswitch.conf, so that no module is loaded; /etc/gai.conf
 *		and /etc/host.conf may be an image's: they order addresses, no more
 *	OpenSSL's configuration: read when libcurl is started, before any RUN
 *	time zones, locales, character sets: none are used
 */
#ifndef OCI_RUN_SANDBOX_INPLACE_H
#define OCI_RUN_SANDBOX_INPLACE_H

#include "base/strv.h"
#include "oci/run/sandbox.h"

struct inplace_options {
	const char *root; /* state; made when missing */
	const struct strv
		*kept; /* paths that the build's options name; what is not there is left out */
	struct progress *progress; /* for a word about waiting, or about what was put back */
	bool is_forced;		   /* this is a container, whatever it looks like */
};

/*
 * While the process has one thread. Puts back first what a killed program left. *how (owned by the
 * caller; how may be NULL): one line for people.
 * ERR_IMPOSSIBLE: not here, says why.
 */
int sandbox_inplace_open(struct sandbox **out, char **how, const struct inplace_options *opt,
			 struct err *e) MUST_CHECK;

/*
 * Before anything else looks at this container's files: puts back what a killed build left, having
 * waited for one that lives. 1: it did. 0: there was nothing.
 */
int sandbox_inplace_restore(struct progress *progress, struct err *e) MUST_CHECK;

#endif
