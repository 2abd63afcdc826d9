/*
 * The kernel is asked by starting a program of a few instructions: what /proc/sys/fs/binfmt_misc
 * lists cannot be seen in a container, where emulators work all the same.
 */
#include "oci/build/foreign.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#define LOAD_AT	   0x10000u
#define TIMEOUT_MS 10000

/* exit(0) in each machine's own words. */
static const struct machine {
	const char *arch;
	uint16_t elf_machine;
	bool is_64, is_big;
	uint32_t flags;
	unsigned char code[12];
} machines[] = {
	{ "amd64", EM_X86_64, true, false, 0, "\xb8\x3c\0\0\0\x31\xff\x0f\x05" },
	{ "386", EM_386, false, false, 0, "\xb8\x01\0\0\0\x31\xdb\xcd\x80" },
	{ "arm64", EM_AARCH64, true, false, 0, "\0\0\x80\xd2\xa8\x0b\x80\xd2\x01\0\0\xd4" },
	{ "arm", EM_ARM, false, false, 0x05000200, "\0\0\xa0\xe3\x01\x70\xa0\xe3\0\0\0\xef" },
	{ "riscv64", EM_RISCV, true, false, 0, "\x13\x05\0\0\x93\x08\xd0\x05\x73\0\0\0" },
	{ "ppc64le", EM_PPC64, true, false, 2, "\0\0\x60\x38\x01\0\0\x38\x02\0\0\x44" },
	{ "s390x", EM_S390, true, true, 0, "\xa7\x29\0\0\x0a\x01" },
	{ "loong64", 258, true, false, 0x43, "\x04\0\x80\x03\x0b\x74\x81\x03\0\0\x2b" },
	{ "mips64le", EM_MIPS, true, false, 0x80000007, "\xc2\x13\x02\x24\x25\x20\0\0\x0c" },
};

static const struct machine *find_machine(const char *arch)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (strcmp(machines[i].arch, arch) == 0)
			return &machines[i];
	return NULL;
}

static void add_number(struct buf *out, const struct machine *m, uint64_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_add_char(out, (char)(n >> 8 * (m->is_big ? bytes - 1 - i : i)));
}

/* The one segment: the whole file, to be read and run. */
static void add_segment(struct buf *out, const struct machine *m, size_t size)
{
	unsigned word = m->is_64 ? 8 : 4;

	add_number(out, m, PT_LOAD, 4);
	if (m->is_64)
		add_number(out, m, PF_R | PF_X, 4);
	add_number(out, m, 0, word); /* offset, addresses, sizes */
	add_number(out, m, LOAD_AT, word);
	add_number(out, m, LOAD_AT, word);
	add_number(out, m, size, word);
	add_number(out, m, size, word);
	if (!m->is_64)
		add_number(out, m, PF_R | PF_X, 4);
	add_number(out, m, 0x10000, word);
}

bool foreign_program(struct buf *out, const char *arch)
{
	const struct machine *m = find_machine(arch);
	size_t head, segment;
	unsigned word;

	if (!m)
		return false;
	word = m->is_64 ? 8 : 4;
	head = m->is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	segment = m->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	buf_add(out, ELFMAG, SELFMAG);
	buf_add_char(out, m->is_64 ? ELFCLASS64 : ELFCLASS32);
	buf_add_char(out, m->is_big ? ELFDATA2MSB : ELFDATA2LSB);
	buf_add_char(out, EV_CURRENT);
	while (out->len < EI_NIDENT)
		buf_add_char(out, '\0');
	add_number(out, m, ET_EXEC, 2);
	add_number(out, m, m->elf_machine, 2);
	add_number(out, m, EV_CURRENT, 4);
	add_number(out, m, LOAD_AT + head + segment, word); /* where it begins */
	add_number(out, m, head, word);			    /* where the segment is told */
	add_number(out, m, 0, word);
	add_number(out, m, m->flags, 4);
	add_number(out, m, head, 2);
	add_number(out, m, segment, 2);
	add_number(out, m, 1, 2);
	add_number(out, m, 0, 6);
	add_segment(out, m, head + segment + sizeof(m->code));
	buf_add(out, m->code, sizeof(m->code));
	return true;
}

static bool runs(const struct op *op, const char *path)
{
	const struct proc_spec spec = { .argv = (const char *const[]){ path, NULL },
					.output_max = BUF_SMALL,
					.timeout_ms = TIMEOUT_MS };
	auto_proc_result struct proc_result r = { 0 };
	struct err ignored = ERR_INIT;

	return proc_run(&r, op, &spec, &ignored) == 0 && r.status == 0;
}

int foreign_check(const struct op *op, const struct oci_platform *p, const char *dir, struct err *e)
{
	auto_free char *path = mem_printf("%s/probe-%s", dir, p->arch);
	auto_buf struct buf program = BUF_INIT(BUF_SMALL);
	struct oci_platform host;
	char want[100], have[100];
	bool ok = false;

	oci_platform_host(&host);
	if (strcmp(p->os, host.os) == 0 && strcmp(p->arch, host.arch) == 0)
		return 0;
	if (strcmp(p->os, host.os) == 0 && foreign_program(&program, p->arch)) {
		if (fs_write_file(AT_FDCWD, path, buf_span(&program), 0755, e) < 0)
			return -1;
		ok = runs(op, path);
		unlink(path);
	}
	if (ok)
		return 0;
	oci_platform_format(want, p);
	oci_platform_format(have, &host);
	return err_set(
		e, ERR_IMPOSSIBLE,
		"this machine (%s) cannot run programs for %s: no emulator is registered "
		"with its kernel (install qemu-user-static and binfmt-support on the host, or "
		"run the image tonistiigi/binfmt there)",
		have, want);
}
