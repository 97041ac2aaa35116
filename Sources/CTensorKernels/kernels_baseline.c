// Plain C: what every processor of the architecture has. No fused multiply-add, which would be a library call.
#include <string.h>

#include "kernels_tables.h"

#define VECTOR_BYTES 16
#define MAXIMUM_ROWS 4
#define MULTIPLY_ADD(x, y, sum) ((x) * (y) + (sum))
#include "kernels_table.inc.h"

const mk_kernels mk_baseline_kernels = TABLE(MK_BASELINE, "baseline");
const mk_gradients_f32 mk_baseline_gradients_f32 = GRADIENT_TABLE(f32, VECTOR_BYTES / 4);
const mk_gradients_f64 mk_baseline_gradients_f64 = GRADIENT_TABLE(f64, VECTOR_BYTES / 8);
