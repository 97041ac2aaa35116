// Products of 8-bit integers, exact in 32 bits, so that every instruction set gives the same bits.
// The left operand is widened to 16 bits; the right one lies in panels of LANES columns, pairs of rows interleaved.

typedef int16_t vh __attribute__((vector_size(VECTOR_BYTES)));
typedef int8_t vq __attribute__((vector_size(VECTOR_BYTES / 2)));

#define INT8_ROWS 4
#define INT8_PANELS 4

// The sums of neighbouring products.
INLINE vi multiply_pairs(vh a, vh b) {
#if defined(__x86_64__) && VECTOR_BYTES == 64
    return (vi)__builtin_ia32_pmaddwd512(a, b);
#elif defined(__x86_64__) && VECTOR_BYTES == 32
    return (vi)__builtin_ia32_pmaddwd256(a, b);
#elif defined(__x86_64__)
    return (vi)__builtin_ia32_pmaddwd128(a, b);
#else
    vi sums;
    for (int i = 0; i < LANES; i++) sums[i] = a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return sums;
#endif
}

// The first `count` numbers, zeros behind them.
INLINE vf load_first(const float *p, size_t count) {
    if (count >= LANES) return load(p);
    float buffer[LANES] = {0};
    memcpy(buffer, p, count * sizeof(float));
    return load(buffer);
}

INLINE void int8_tile(const int rows, const int panels, size_t pairs, const int16_t *restrict a,
                      const float *restrict a_scales, const int8_t *restrict b, const float *b_scales, float *c,
                      size_t ldc, size_t columns, size_t column, const mk_epilogue *e) {
    vi sum[INT8_ROWS][INT8_PANELS];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < panels; v++) sum[i][v] = (vi){};

    for (size_t p = 0; p < pairs; p++) {
        vh right[INT8_PANELS];
#pragma clang loop unroll(full)
        for (int v = 0; v < panels; v++) {
            vq bytes;
            memcpy(&bytes, b + ((size_t)v * pairs + p) * 2 * LANES, sizeof bytes);
            right[v] = __builtin_convertvector(bytes, vh);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            int32_t pair;
            memcpy(&pair, a + 2 * ((size_t)i * pairs + p), sizeof pair);
            const vh left = (vh)((vi){} + pair);
#pragma clang loop unroll(full)
            for (int v = 0; v < panels; v++) sum[i][v] += multiply_pairs(left, right[v]);
        }
    }

#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < panels; v++) {
            const size_t first = (size_t)v * LANES;
            if (first >= columns) break;
            const size_t valid = columns - first < LANES ? columns - first : LANES;
            const vf scale = load_first(b_scales + column + first, valid) * a_scales[i];
            vf x = __builtin_convertvector(sum[i][v], vf) * scale;
            if (e->column_bias) x = x + load_first(e->column_bias + column + first, valid);
            x = activate(x, e);
            memcpy(c + (size_t)i * ldc + first, &x, valid * sizeof(float));
        }
    }
}

#define INT8_TILE(rows, panels)                                                                                  \
    static void int8_tile_##rows##_##panels(size_t pairs, const int16_t *a, const float *a_scales,               \
                                            const int8_t *b, const float *b_scales, float *c, size_t ldc,        \
                                            size_t columns, size_t column, const mk_epilogue *e) {               \
        int8_tile(rows, panels, pairs, a, a_scales, b, b_scales, c, ldc, columns, column, e);                    \
    }

INT8_TILE(1, 1) INT8_TILE(2, 1) INT8_TILE(3, 1) INT8_TILE(4, 1)
#if VECTOR_BYTES == 64
INT8_TILE(1, 4) INT8_TILE(2, 4) INT8_TILE(3, 4) INT8_TILE(4, 4)
#define INT8_WIDE 4
#define INT8_WIDE_TILES int8_tile_1_4, int8_tile_2_4, int8_tile_3_4, int8_tile_4_4
#else
INT8_TILE(1, 2) INT8_TILE(2, 2) INT8_TILE(3, 2) INT8_TILE(4, 2)
#define INT8_WIDE 2
#define INT8_WIDE_TILES int8_tile_1_2, int8_tile_2_2, int8_tile_3_2, int8_tile_4_2
#endif

typedef void (*int8_tile_function)(size_t pairs, const int16_t *a, const float *a_scales, const int8_t *b,
                                   const float *b_scales, float *c, size_t ldc, size_t columns, size_t column,
                                   const mk_epilogue *e);

static const int8_tile_function int8_wide_tiles[INT8_ROWS] = {INT8_WIDE_TILES};
static const int8_tile_function int8_single_tiles[INT8_ROWS] = {int8_tile_1_1, int8_tile_2_1, int8_tile_3_1,
                                                                int8_tile_4_1};

static void gemm_int8(size_t m, size_t n, size_t k, const int16_t *a, const float *a_scales, const int8_t *packed,
                      const float *b_scales, float *c, size_t ldc, const mk_epilogue *e) {
    const size_t pairs = (k + 1) / 2;
    const size_t panels = (n + LANES - 1) / LANES;
    for (size_t panel = 0; panel < panels;) {
        const size_t width = panels - panel >= INT8_WIDE ? INT8_WIDE : 1;
        const size_t column = panel * LANES;
        const size_t columns = n - column < width * LANES ? n - column : width * LANES;
        const int8_tile_function *choices = width == 1 ? int8_single_tiles : int8_wide_tiles;
        for (size_t row = 0; row < m; row += INT8_ROWS) {
            const size_t rows = m - row < INT8_ROWS ? m - row : INT8_ROWS;
            choices[rows - 1](pairs, a + row * 2 * pairs, a_scales + row, packed + panel * pairs * 2 * LANES, b_scales,
                              c + row * ldc + column, ldc, columns, column, e);
        }
        panel += width;
    }
}

static void quantize_rows(const float *x, size_t rows, size_t k, int16_t *quantized, float *scales) {
    const size_t padded = (k + 1) / 2 * 2;
    for (size_t row = 0; row < rows; row++) {
        const float *source = x + row * k;
        int16_t *target = quantized + row * padded;
        float largest = 0;
        int is_finite = 1;
        for (size_t i = 0; i < k; i++) {
            const float magnitude = __builtin_fabsf(source[i]);
            is_finite &= magnitude <= 3.402823466e38f;
            largest = magnitude > largest ? magnitude : largest;
        }
        if (padded > k) target[k] = 0;
        // Below, 127 / largest would overflow; all that is lost are numbers under 2^-100.
        if (!is_finite || largest < 0x1p-100f) {
            memset(target, 0, k * sizeof *target);
            scales[row] = is_finite ? 0 : __builtin_nanf("");
            continue;
        }
        const float inverse = 127 / largest;
        for (size_t i = 0; i < k; i++) {
            // Rounds to nearest, ties to even, without an instruction that the baseline lacks.
            const float rounded = (source[i] * inverse + 12582912.0f) - 12582912.0f;
            target[i] = (int16_t)rounded;
        }
        scales[row] = largest / 127;
    }
}
