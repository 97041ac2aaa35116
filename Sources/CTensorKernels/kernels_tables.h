#pragma once
#include "CTensorKernels.h"

extern const mk_kernels mk_baseline_kernels;
#if defined(__x86_64__)
extern const mk_kernels mk_avx2_kernels;
extern const mk_kernels mk_avx512_kernels;
#endif
