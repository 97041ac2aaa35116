#include "kernels_tables.h"

const mk_kernels *mk_kernels_for(mk_instruction_set instruction_set) {
    switch (instruction_set) {
    case MK_BASELINE: return &mk_baseline_kernels;
#if defined(__x86_64__)
    case MK_AVX2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &mk_avx2_kernels : NULL;
    case MK_AVX512:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
                   ? &mk_avx512_kernels
                   : NULL;
#endif
    default: return NULL;
    }
}

const mk_gradients_f32 *mk_gradients_f32_for(mk_instruction_set instruction_set) {
    if (!mk_kernels_for(instruction_set)) return NULL;
    switch (instruction_set) {
    case MK_BASELINE: return &mk_baseline_gradients_f32;
#if defined(__x86_64__)
    case MK_AVX2: return &mk_avx2_gradients_f32;
    case MK_AVX512: return &mk_avx512_gradients_f32;
#endif
    default: return NULL;
    }
}

const mk_gradients_f64 *mk_gradients_f64_for(mk_instruction_set instruction_set) {
    if (!mk_kernels_for(instruction_set)) return NULL;
    switch (instruction_set) {
    case MK_BASELINE: return &mk_baseline_gradients_f64;
#if defined(__x86_64__)
    case MK_AVX2: return &mk_avx2_gradients_f64;
    case MK_AVX512: return &mk_avx512_gradients_f64;
#endif
    default: return NULL;
    }
}
