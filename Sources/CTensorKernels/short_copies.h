#pragma once
#include <stddef.h>
#include <string.h>

// Short runs, of sizes that the compiler knows: a call of memcpy would take longer than the copy.
static inline void copy_run(float *restrict target, const float *restrict source, size_t count) {
    for (; count >= 8; count -= 8, target += 8, source += 8) {
        memcpy(target, source, 8 * sizeof(float));
        // Or the compiler would make the loop one call of memcpy again.
        __asm__ volatile("" : : : "memory");
    }
    if (count & 4) {
        memcpy(target, source, 4 * sizeof(float));
        target += 4, source += 4;
    }
    if (count & 2) {
        memcpy(target, source, 2 * sizeof(float));
        target += 2, source += 2;
    }
    if (count & 1) *target = *source;
}
