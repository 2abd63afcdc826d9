/*
 * For fuzzers that read tar: what libFuzzer has changed gets its headers' checksums right again, as a reader looks at
 * nothing behind one that is wrong. To be included once; replayed on another compiler it does nothing.
 */
#ifndef TESTS_FUZZ_TAR_MUTATOR_H
#define TESTS_FUZZ_TAR_MUTATOR_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TAR_BLOCK 512u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static size_t tar_blocks(const uint8_t *header)
{
	size_t bytes = 0;

	for (size_t i = 124; i < 135 && header[i] >= '0' && header[i] <= '7'; i++)
		bytes = bytes * 8 + (header[i] - (size_t)'0');
	return (bytes + TAR_BLOCK - 1) / TAR_BLOCK;
}

static void tar_sum(uint8_t *header)
{
	unsigned sum = 0;
	char text[8];

	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += header[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(header + 148, text, 7);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t n = LLVMFuzzerMutate(data, size, max);

	for (size_t at = 0; seed % 8 && n - at >= TAR_BLOCK;) {
		size_t blocks = tar_blocks(data + at);

		if (data[at])
			tar_sum(data + at);
		at += TAR_BLOCK;
		if (blocks > (n - at) / TAR_BLOCK)
			break;
		at += blocks * TAR_BLOCK;
	}
	return n;
}

#endif
