/*
 * What libarchive's configure would find, for reading tar alone: its authors' own list for Linux, the
 * compressions that the tools read, and nothing that could convert a name or start a program.
 */
#include "contrib/android/config/linux_host.h"

#define MAJOR_IN_SYSMACROS  1
#define HAVE_BZLIB_H	    1
#define HAVE_LIBBZ2	    1
#define HAVE_LZMA_H	    1
#define HAVE_ZSTD_H	    1
#define HAVE_LIBZSTD	    1
#define HAVE_ARC4RANDOM_BUF 1

#undef HAVE_ICONV
#undef HAVE_ICONV_H
#undef HAVE_FORK
#undef HAVE_VFORK
#undef HAVE_POSIX_SPAWNP
#undef HAVE_SPAWN_H
