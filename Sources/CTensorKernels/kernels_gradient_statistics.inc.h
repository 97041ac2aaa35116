// Sums over the channels of [outer, channels, inner], in eight lanes of binary64 over each row, rows in order; and what
// is drawn at random.

// `sum` of `expression` over `at`, an index into the row.
#define LANE_SUM(sum, length, expression)                                                                        \
    do {                                                                                                         \
        double lanes[8] = {0};                                                                                   \
        size_t start = 0;                                                                                        \
        for (; start + 8 <= (length); start += 8)                                                                \
            for (size_t j = 0; j < 8; j++) {                                                                     \
                const size_t at = start + j;                                                                     \
                lanes[j] += (expression);                                                                        \
            }                                                                                                    \
        for (size_t j = 0; start + j < (length); j++) {                                                          \
            const size_t at = start + j;                                                                         \
            lanes[j] += (expression);                                                                            \
        }                                                                                                        \
        for (size_t width = 4; width > 0; width /= 2)                                                            \
            for (size_t j = 0; j < width; j++) lanes[j] += lanes[j + width];                                     \
        (sum) = lanes[0];                                                                                        \
    } while (0)

static void TYPED(channel_sum)(const REAL *x, size_t outer, size_t channels, size_t inner, double *scratch,
                               REAL *sums) {
    for (size_t c = 0; c < channels; c++) scratch[c] = 0;
    for (size_t o = 0; o < outer; o++, x += channels * inner) {
        if (inner == 1) {
            INDEPENDENT
            for (size_t c = 0; c < channels; c++) scratch[c] += (double)x[c];
            continue;
        }
        for (size_t c = 0; c < channels; c++) {
            const REAL *restrict row = x + c * inner;
            double sum;
            LANE_SUM(sum, inner, (double)row[at]);
            scratch[c] += sum;
        }
    }
    for (size_t c = 0; c < channels; c++) sums[c] = (REAL)scratch[c];
}

static void TYPED(moments)(const REAL *x, size_t outer, size_t channels, size_t inner, double *means,
                           double *variances) {
    const double count = (double)outer * (double)inner;
    for (size_t c = 0; c < channels; c++) means[c] = variances[c] = 0;
    for (size_t o = 0; o < outer; o++) {
        for (size_t c = 0; c < channels; c++) {
            const REAL *restrict row = x + (o * channels + c) * inner;
            double sum;
            if (inner == 1) sum = (double)row[0];
            else LANE_SUM(sum, inner, (double)row[at]);
            means[c] += sum;
        }
    }
    for (size_t c = 0; c < channels; c++) means[c] /= count;
    for (size_t o = 0; o < outer; o++) {
        for (size_t c = 0; c < channels; c++) {
            const REAL *restrict row = x + (o * channels + c) * inner;
            const double mean = means[c];
            double sum;
            if (inner == 1) sum = ((double)row[0] - mean) * ((double)row[0] - mean);
            else LANE_SUM(sum, inner, ((double)row[at] - mean) * ((double)row[at] - mean));
            variances[c] += sum;
        }
    }
    for (size_t c = 0; c < channels; c++) variances[c] /= count;
}

static void TYPED(normalize)(const REAL *x, REAL *y, size_t outer, size_t channels, size_t inner, const REAL *means,
                             const REAL *factors, const REAL *shifts) {
    for (size_t o = 0; o < outer; o++, x += channels * inner, y += channels * inner) {
        if (inner == 1) {
            INDEPENDENT
            for (size_t c = 0; c < channels; c++) y[c] = (x[c] - means[c]) * factors[c] + shifts[c];
            continue;
        }
        for (size_t c = 0; c < channels; c++) {
            const REAL mean = means[c], factor = factors[c], shift = shifts[c];
            INDEPENDENT
            for (size_t i = 0; i < inner; i++) y[c * inner + i] = (x[c * inner + i] - mean) * factor + shift;
        }
    }
}

static void TYPED(normalization_sums)(const REAL *x, const REAL *dy, size_t outer, size_t channels, size_t inner,
                                      const REAL *means, double *flows, double *products) {
    for (size_t c = 0; c < channels; c++) flows[c] = products[c] = 0;
    for (size_t o = 0; o < outer; o++) {
        for (size_t c = 0; c < channels; c++) {
            const REAL *restrict row = x + (o * channels + c) * inner;
            const REAL *restrict flow = dy + (o * channels + c) * inner;
            const REAL mean = means[c];
            double sum, product;
            if (inner == 1) {
                sum = (double)flow[0];
                product = (double)flow[0] * (double)(row[0] - mean);
            } else {
                LANE_SUM(sum, inner, (double)flow[at]);
                LANE_SUM(product, inner, (double)flow[at] * (double)(row[at] - mean));
            }
            flows[c] += sum;
            products[c] += product;
        }
    }
}

static void TYPED(normalization_input)(const REAL *x, const REAL *dy, REAL *dx, size_t outer, size_t channels,
                                       size_t inner, const REAL *means, const REAL *factors, const REAL *flows,
                                       const REAL *slopes) {
    for (size_t o = 0; o < outer; o++, x += channels * inner, dy += channels * inner, dx += channels * inner) {
        if (inner == 1) {
            INDEPENDENT
            for (size_t c = 0; c < channels; c++)
                dx[c] = factors[c] * (dy[c] - flows[c] - (x[c] - means[c]) * slopes[c]);
            continue;
        }
        for (size_t c = 0; c < channels; c++) {
            const REAL mean = means[c], factor = factors[c], flow = flows[c], slope = slopes[c];
            INDEPENDENT
            for (size_t i = c * inner; i < (c + 1) * inner; i++)
                dx[i] = factor * (dy[i] - flow - (x[i] - mean) * slope);
        }
    }
}
#undef LANE_SUM

// The i-th number of a stream: SplitMix64's output function (Steele, Lea and Flood, 2014) of a counter.
static void TYPED(dropout)(const REAL *x, REAL *y, uint8_t *mask, size_t count, uint64_t key, uint64_t threshold,
                           REAL scale) {
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        uint64_t z = key + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        const int kept = (z ^ z >> 31) >> 32 >= threshold;
        y[i] = kept ? x[i] * scale : 0;
    }
    if (!mask) return;
    for (size_t i = 0; i < count; i++) {
        uint64_t z = key + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        mask[i] = (z ^ z >> 31) >> 32 >= threshold;
    }
}
