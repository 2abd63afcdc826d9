/*
 * Raw system calls: libcap would be a library for two calls. The list is
 * moby's oci/caps/defaults.go, which has been the same since 2014.
 */
#include "oci/run/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const unsigned char kept[] = {
	CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,	CAP_FOWNER,	      CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID,       CAP_SETUID,	CAP_SETFCAP,	      CAP_SETPCAP,
	CAP_KILL,    CAP_SYS_CHROOT,   CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE,
};

static uint64_t kept_mask(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		mask |= 1ull << kept[i];
	return mask;
}

int caps_bound(struct err *e)
{
	uint64_t mask = kept_mask();

	for (int cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap);

		if (has < 0)
			break; /* the kernel knows no higher number */
		if (has && !(mask & 1ull << cap) && prctl(PR_CAPBSET_DROP, cap) < 0)
			return err_sys(e, "drop capability %d", cap);
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_sys(e, "clear the ambient capabilities");
	return 0;
}

int caps_set(bool is_root, struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 }, now[2];
	uint64_t mask = is_root ? kept_mask() : 0;

	if (syscall(SYS_capget, &head, now) < 0)
		return err_sys(e, "read the capabilities");
	for (int i = 0; i < 2; i++) {
		uint32_t part = (uint32_t)(mask >> 32 * i) & now[i].permitted;

		data[i].permitted = part;
		data[i].effective = part;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return err_sys(e, "set the capabilities");
	return 0;
}
