/*
 * Linked into the static tools only: where they would load code, they cannot. While a stage's
 * tree is "/", whatever a name like /etc/nsswitch.conf, /usr/lib/ssl/openssl.cnf or gconv-modules leads to
 * was put there by somebody else. glibc's name services and iconv, and OpenSSL's engines and
 * providers, all come down to the functions here; as they are defined here, the linker takes
 * none of glibc's own and no loader is in the program at all.
 */
#include <dlfcn.h>
#include <stddef.h>

#include <openssl/crypto.h>

/* glibc's names for itself; no header has them */
void *__libc_dlopen_mode(const char *name, int mode);
void *__libc_dlsym(void *map, const char *name);
void *__libc_dlvsym(void *map, const char *name, const char *version);
int __libc_dlclose(void *map);

void *__libc_dlopen_mode(const char *name, int mode)
{
	(void)name, (void)mode;
	return NULL;
}

void *__libc_dlsym(void *map, const char *name)
{
	(void)map, (void)name;
	return NULL;
}

void *__libc_dlvsym(void *map, const char *name, const char *version)
{
	(void)map, (void)name, (void)version;
	return NULL;
}

int __libc_dlclose(void *map)
{
	(void)map;
	return -1;
}

void *dlopen(const char *name, int mode)
{
	return __libc_dlopen_mode(name, mode);
}

void *dlsym(void *restrict map, const char *restrict name)
{
	return __libc_dlsym(map, name);
}

int dlclose(void *map)
{
	return __libc_dlclose(map);
}

char *dlerror(void)
{
	static char why[] = "this program loads nothing";

	return why;
}

int dladdr(const void *address, Dl_info *info)
{
	(void)address, (void)info;
	return 0;
}

/* Before main: whoever asks for OpenSSL's configuration later finds that decided. */
__attribute__((constructor)) static void no_configuration(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}
