#pragma once
#include <math.h>

#include "CTensorKernels.h"

extern const mk_kernels mk_baseline_kernels;
extern const mk_gradients_f32 mk_baseline_gradients_f32;
extern const mk_gradients_f64 mk_baseline_gradients_f64;
#if defined(__x86_64__)
extern const mk_kernels mk_avx2_kernels;
extern const mk_gradients_f32 mk_avx2_gradients_f32;
extern const mk_gradients_f64 mk_avx2_gradients_f64;
extern const mk_kernels mk_avx512_kernels;
extern const mk_gradients_f32 mk_avx512_gradients_f32;
extern const mk_gradients_f64 mk_avx512_gradients_f64;
#endif
