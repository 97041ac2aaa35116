// Plain C: what every processor of the architecture has. No fused multiply-add, which would be a library call.
#include <string.h>

#include "kernels_tables.h"

#define VECTOR_BYTES 16
#define MAXIMUM_ROWS 4
#define MULTIPLY_ADD(x, y, sum) ((x) * (y) + (sum))
#include "kernels_table.inc.h"

const mk_kernels mk_baseline_kernels = TABLE(MK_BASELINE, "baseline");
