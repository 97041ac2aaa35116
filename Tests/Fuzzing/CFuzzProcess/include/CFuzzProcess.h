#ifndef MILLRACE_FUZZ_PROCESS_H
#define MILLRACE_FUZZ_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/// How one input ended that ran in a process of its own.
typedef enum __attribute__((enum_extensibility(closed))) {
    /// Read or refused.
    fuzz_outcome_answered,
    /// Died or hung with libhdf5 nearer to the top of the stack than any code of this package.
    fuzz_outcome_library_failed,
    /// Died or hung in the code of this package.
    fuzz_outcome_failed,
} fuzz_outcome;

/// Prepares memory that parent and children share for the coverage counters. Call once, before `fuzz_run_forked`.
void fuzz_prepare_forking(void);

/// Calls `body` in a fork of this process, for at most `seconds` of wall-clock time, and adds the edges that it covered
/// to this process's counters, so that libFuzzer sees them.
fuzz_outcome fuzz_run_forked(void (*body)(void), unsigned seconds);

/// libFuzzer's: mutates `size` bytes in place and returns their new number, at most `capacity`.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

#endif
