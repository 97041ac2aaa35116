// Packed matrix product, written once over vector types; the including file defines VECTOR_BYTES, MAXIMUM_ROWS,
// MULTIPLY_ADD and the target.
#define LANES (VECTOR_BYTES / 4)
#define PANEL (2 * LANES)

typedef float vf __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t vi __attribute__((vector_size(VECTOR_BYTES)));

#define INLINE static inline __attribute__((always_inline))

// Four lanes whatever the instruction set, for rows that are short.
typedef float v4 __attribute__((vector_size(16)));
typedef int32_t vi4 __attribute__((vector_size(16)));

INLINE v4 load4(const float *p) {
    v4 v;
    memcpy(&v, p, sizeof v);
    return v;
}
// The elements at even, and at odd places of eight.
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)

INLINE vf load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }
#if LANES == 16
INLINE vf splat(float x) { return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
#elif LANES == 8
INLINE vf splat(float x) { return (vf){x, x, x, x, x, x, x, x}; }
#else
INLINE vf splat(float x) { return (vf){x, x, x, x}; }
#endif
INLINE vf pick(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }

INLINE vf activate(vf x, const mk_epilogue *e) {
    switch (e->activation) {
    case MK_RAW: return x;
    case MK_NO_ACTIVATION: break;
    case MK_RELU: x = pick(x < 0, (vf){}, x); break;
    case MK_LEAKY_RELU: x = pick(x < 0, x * e->alpha, x); break;
    case MK_CLIP:
        x = pick(x < e->lower, splat(e->lower), x);
        x = pick(x > e->upper, splat(e->upper), x);
        break;
    }
    // Which of two NaNs survives an instruction depends on its operand order, which differs between tiles.
    return pick(x == x, x, splat(__builtin_nanf("")));
}

// `rows` and `vectors` are constants at every call, so that the accumulators stay in registers.
INLINE void tile(const int rows, const int vectors, size_t k, const float *restrict a, size_t lda,
                 const float *restrict b, float *c, size_t ldc, size_t columns, size_t row, size_t column,
                 const mk_epilogue *e) {
    vf sum[MAXIMUM_ROWS][8];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sum[i][v] = (vf){};

    for (size_t p = 0; p < k; p++) {
        vf right[8];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) right[v] = load(b + (size_t)(v / 2) * k * PANEL + p * PANEL + (v % 2) * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const vf left = splat(a[(size_t)i * lda + p]);
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) sum[i][v] = MULTIPLY_ADD(left, right[v], sum[i][v]);
        }
    }

    if (e->activation == MK_RAW && columns == (size_t)vectors * LANES) {
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) store(c + (size_t)i * ldc + v * LANES, sum[i][v]);
        return;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            const size_t first = (size_t)v * LANES;
            if (first >= columns) break;
            const size_t valid = columns - first < LANES ? columns - first : LANES;
            float *target = c + (size_t)i * ldc + first;
            vf x = sum[i][v];
            if (e->row_bias) x = x + e->row_bias[row + i];
            if (valid == LANES) {
                if (e->column_bias) x = x + load(e->column_bias + column + first);
                store(target, activate(x, e));
            } else {
                float buffer[LANES] = {0};
                if (e->column_bias) {
                    memcpy(buffer, e->column_bias + column + first, valid * sizeof(float));
                    x = x + load(buffer);
                }
                store(buffer, activate(x, e));
                memcpy(target, buffer, valid * sizeof(float));
            }
        }
    }
}

typedef void (*tile_function)(size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                              size_t columns, size_t row, size_t column, const mk_epilogue *e);

#define TILE(rows, vectors)                                                                                      \
    static void tile_##rows##_##vectors(size_t k, const float *a, size_t lda, const float *b, float *c,          \
                                        size_t ldc, size_t columns, size_t row, size_t column,                   \
                                        const mk_epilogue *e) {                                                  \
        tile(rows, vectors, k, a, lda, b, c, ldc, columns, row, column, e);                                      \
    }
// A panel, and the half of one that is left of it at times.
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)

// Few rows take several panels at once, to have enough independent chains for the multiply-add's latency.
TILES(1) TILES(2) TILES(3) TILES(4) TILE(1, 8) TILE(2, 4)
#if MAXIMUM_ROWS >= 6
TILES(5) TILES(6) TILE(3, 4)
#endif
#if MAXIMUM_ROWS >= 12
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12) TILE(4, 4) TILE(5, 4) TILE(6, 4)
#endif

typedef struct {
    int panels;
    tile_function wide, single, half;
} tile_choice;

#define ONE_PANEL(rows) {1, tile_##rows##_2, tile_##rows##_2, tile_##rows##_1}
#define TWO_PANELS(rows) {2, tile_##rows##_4, tile_##rows##_2, tile_##rows##_1}

static const tile_choice tiles[MAXIMUM_ROWS + 1] = {
    {0, 0, 0, 0},
    {4, tile_1_8, tile_1_2, tile_1_1},
    TWO_PANELS(2),
#if MAXIMUM_ROWS >= 12
    TWO_PANELS(3), TWO_PANELS(4), TWO_PANELS(5), TWO_PANELS(6),
    ONE_PANEL(7), ONE_PANEL(8), ONE_PANEL(9), ONE_PANEL(10), ONE_PANEL(11), ONE_PANEL(12),
#elif MAXIMUM_ROWS >= 6
    TWO_PANELS(3), ONE_PANEL(4), ONE_PANEL(5), ONE_PANEL(6),
#else
    ONE_PANEL(3), ONE_PANEL(4),
#endif
};

static void gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *packed, float *c, size_t ldc,
                 const mk_epilogue *e) {
    if (m == 0 || n == 0) return;
    // Tiles of nearly equal height: 13 rows are 7 + 6, not 12 + 1.
    const size_t count = (m + MAXIMUM_ROWS - 1) / MAXIMUM_ROWS;
    const size_t height = m / count, taller = m % count;
    const size_t panels = (n + PANEL - 1) / PANEL;
    const size_t tallest = height + (taller ? 1 : 0);
    for (size_t panel = 0; panel < panels;) {
        // A panel stays in cache while all rows pass it.
        size_t step = (size_t)tiles[tallest].panels;
        if (step > panels - panel) step = 1;
        const size_t column = panel * PANEL;
        const size_t columns = n - column < step * PANEL ? n - column : step * PANEL;
        const float *b = packed + panel * PANEL * k;
        size_t row = 0;
        for (size_t t = 0; t < count; t++) {
            const size_t rows = height + (t < taller ? 1 : 0);
            const float *left = a + row * lda;
            float *target = c + row * ldc + column;
            if (step > 1 && (size_t)tiles[rows].panels == step) {
                tiles[rows].wide(k, left, lda, b, target, ldc, columns, row, column, e);
            } else {
                for (size_t s = 0; s < step; s++) {
                    const size_t rest = columns - s * PANEL;
                    const tile_function narrow = rest <= LANES ? tiles[rows].half : tiles[rows].single;
                    narrow(k, left, lda, b + s * PANEL * k, target + s * PANEL, ldc, rest < PANEL ? rest : PANEL, row,
                           column + s * PANEL, e);
                }
            }
            row += rows;
        }
        panel += step;
    }
}

static void gemm_f64(size_t m, size_t n, size_t k, const double *a, const double *b, double *c) {
    for (size_t i = 0; i < m; i++) {
        double *restrict row = c + i * n;
        for (size_t j = 0; j < n; j++) row[j] = 0;
        for (size_t p = 0; p < k; p++) {
            const double left = a[i * k + p];
            const double *restrict right = b + p * n;
            for (size_t j = 0; j < n; j++) row[j] += left * right[j];
        }
    }
}
