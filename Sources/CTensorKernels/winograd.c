#include "CTensorKernels.h"

// G g of the filter's rows, then of its columns, in double precision: rounded once.
static void sums(const double g[3], double u[4]) {
    u[0] = g[0];
    u[1] = (g[0] + g[1] + g[2]) / 2;
    u[2] = (g[0] - g[1] + g[2]) / 2;
    u[3] = g[2];
}

void mk_winograd_weights(const float *weights, size_t filters, size_t channels, float *transformed) {
    const size_t count = filters * channels;
    for (size_t index = 0; index < count; index++) {
        const float *g = weights + index * 9;
        double columns[3][4];
        for (size_t x = 0; x < 3; x++) sums((const double[3]){g[x], g[3 + x], g[6 + x]}, columns[x]);
        for (size_t i = 0; i < 4; i++) {
            double row[4];
            sums((const double[3]){columns[0][i], columns[1][i], columns[2][i]}, row);
            for (size_t j = 0; j < 4; j++) transformed[(i * 4 + j) * count + index] = (float)row[j];
        }
    }
}
