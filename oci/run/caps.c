/*
 * Raw system calls: libcap would be a library for two calls. The list is
 * moby's oci/caps/defaults.go, which has been the same since 2014.
 */
#include "oci/run/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static const unsigned char docker[] = {
	CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,	CAP_FOWNER,	      CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID,       CAP_SETUID,	CAP_SETFCAP,	      CAP_SETPCAP,
	CAP_KILL,    CAP_SYS_CHROOT,   CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE,
};

/* What a build misses least, in that order. */
static const unsigned char spare[] = {
	CAP_AUDIT_WRITE, CAP_SYS_CHROOT, CAP_MKNOD, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_SETPCAP,
};

static uint64_t mask_of(const unsigned char *caps, size_t nr)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < nr; i++)
		mask |= 1ull << caps[i];
	return mask;
}

uint64_t caps_docker(void)
{
	return mask_of(docker, ARRAY_LEN(docker));
}

static int caps_get(struct __user_cap_data_struct now[2], struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, now) < 0 ? err_sys(e, "read the capabilities") : 0;
}

int caps_apart(uint64_t *kept, struct err *e)
{
	struct __user_cap_data_struct now[2];
	uint64_t ours;

	if (caps_get(now, e) < 0)
		return -1;
	ours = now[0].permitted | (uint64_t)now[1].permitted << 32;
	/* always, so that a RUN has the same rights on every machine */
	*kept = caps_docker() & ~(1ull << spare[0]);
	for (size_t i = 1; !(ours & ~*kept) && i < ARRAY_LEN(spare); i++)
		if (ours & 1ull << spare[i])
			*kept &= ~(1ull << spare[i]);
	if (ours & ~*kept)
		return 0;
	return err_set(e, ERR_IMPOSSIBLE,
		       "RUN would see this process's environment and memory: there is no "
		       "capability that could be kept from it");
}

/*
 * In a container a device of the machine can be made, but not opened. A number that no device has
 * tells which it is: who may open devices is told that there is none.
 */
static bool devices_are_open(int dirfd)
{
	static const char name[] = ".device";
	bool open_to_us = false;

	if (mknodat(dirfd, name, S_IFCHR | 0600, makedev(4095, 77)) == 0) {
		auto_close int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		open_to_us = fd >= 0 || (errno != EPERM && errno != EACCES);
		unlinkat(dirfd, name, 0);
	}
	return open_to_us;
}

int caps_apart_chroot(uint64_t *kept, int dirfd, struct err *e)
{
	if (caps_apart(kept, e) < 0)
		return -1;
	*kept &= ~(1ull << CAP_SYS_CHROOT);
	if (devices_are_open(dirfd))
		*kept &= ~(1ull << CAP_MKNOD);
	return 0;
}

int caps_bound(uint64_t kept, struct err *e)
{

	for (int cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap);

		if (has < 0)
			break; /* the kernel knows no higher number */
		if (has && !(kept & 1ull << cap) && prctl(PR_CAPBSET_DROP, cap) < 0)
			return err_sys(e, "drop capability %d", cap);
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_sys(e, "clear the ambient capabilities");
	return 0;
}

int caps_set(uint64_t kept, struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 }, now[2];

	if (caps_get(now, e) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		uint32_t part = (uint32_t)(kept >> 32 * i) & now[i].permitted;

		data[i].permitted = part;
		data[i].effective = part;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return err_sys(e, "set the capabilities");
	return 0;
}
