#if defined(__x86_64__)
#include <string.h>

#include "kernels_tables.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define VECTOR_BYTES 64
#define MAXIMUM_ROWS 12
#define MULTIPLY_ADD(x, y, sum) __builtin_elementwise_fma(x, y, sum)
#include "kernels_table.inc.h"
#pragma clang attribute pop

const mk_kernels mk_avx512_kernels = TABLE(MK_AVX512, "avx512");
const mk_gradients_f32 mk_avx512_gradients_f32 = GRADIENT_TABLE(f32, VECTOR_BYTES / 4);
const mk_gradients_f64 mk_avx512_gradients_f64 = GRADIENT_TABLE(f64, VECTOR_BYTES / 8);
#endif
