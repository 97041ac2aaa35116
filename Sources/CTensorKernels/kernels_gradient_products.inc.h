// Products whose left operand lies anywhere: convolutions are one without a matrix of patches, and so are products of
// transposed matrices. The including file defines REAL, VECTOR, WIDTH (lanes) and TYPED.

INLINE VECTOR TYPED(vector_load)(const REAL *p) {
    VECTOR v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void TYPED(vector_store)(REAL *p, VECTOR v) { memcpy(p, &v, sizeof v); }

// `rows` and `vectors` are constants at every call, so that the accumulators stay in registers.
INLINE void TYPED(product_tile)(const int rows, const int vectors, size_t k, const REAL *const *bases,
                                const ptrdiff_t *restrict offsets, const REAL *restrict b, const REAL *initial,
                                size_t initial_stride, REAL *c, size_t ldc, size_t columns) {
    VECTOR sum[MAXIMUM_ROWS][2];
    const REAL *base[MAXIMUM_ROWS];
    const int is_full = columns == (size_t)vectors * WIDTH;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        base[i] = bases[i];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            const size_t first = (size_t)v * WIDTH;
            if (!initial) {
                sum[i][v] = (VECTOR){};
            } else if (is_full) {
                sum[i][v] = TYPED(vector_load)(initial + (size_t)i * initial_stride + first);
            } else {
                REAL buffer[WIDTH];
                for (size_t j = 0; j < WIDTH; j++)
                    buffer[j] = first + j < columns ? initial[(size_t)i * initial_stride + first + j] : 0;
                sum[i][v] = TYPED(vector_load)(buffer);
            }
        }
    }
    for (size_t p = 0; p < k; p++) {
        const ptrdiff_t offset = offsets[p];
        VECTOR right[2];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) right[v] = TYPED(vector_load)(b + (p * (size_t)vectors + (size_t)v) * WIDTH);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const VECTOR left = base[i][offset] - (VECTOR){};
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) sum[i][v] = MULTIPLY_ADD(left, right[v], sum[i][v]);
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            const size_t first = (size_t)v * WIDTH;
            REAL *target = c + (size_t)i * ldc + first;
            if (is_full) {
                TYPED(vector_store)(target, sum[i][v]);
            } else {
                REAL buffer[WIDTH];
                TYPED(vector_store)(buffer, sum[i][v]);
                for (size_t j = 0; j < WIDTH && first + j < columns; j++) target[j] = buffer[j];
            }
        }
    }
}

typedef void (*TYPED(product_function))(size_t k, const REAL *const *bases, const ptrdiff_t *offsets, const REAL *b,
                                        const REAL *initial, size_t initial_stride, REAL *c, size_t ldc,
                                        size_t columns);

#define PRODUCT_TILE(rows, vectors)                                                                              \
    static void TYPED(product_tile_##rows##_##vectors)(                                                          \
        size_t k, const REAL *const *bases, const ptrdiff_t *offsets, const REAL *b, const REAL *initial,        \
        size_t initial_stride, REAL *c, size_t ldc, size_t columns) {                                            \
        TYPED(product_tile)(rows, vectors, k, bases, offsets, b, initial, initial_stride, c, ldc, columns);      \
    }
#define PRODUCT_TILES(rows) PRODUCT_TILE(rows, 1) PRODUCT_TILE(rows, 2)
#define PRODUCT_PAIR(rows) {TYPED(product_tile_##rows##_1), TYPED(product_tile_##rows##_2)}

PRODUCT_TILES(1) PRODUCT_TILES(2) PRODUCT_TILES(3) PRODUCT_TILES(4)
#if MAXIMUM_ROWS >= 6
PRODUCT_TILES(5) PRODUCT_TILES(6)
#endif
#if MAXIMUM_ROWS >= 12
PRODUCT_TILES(7) PRODUCT_TILES(8) PRODUCT_TILES(9) PRODUCT_TILES(10) PRODUCT_TILES(11) PRODUCT_TILES(12)
#endif

static const TYPED(product_function) TYPED(product_tiles)[MAXIMUM_ROWS + 1][2] = {
    {0, 0}, PRODUCT_PAIR(1), PRODUCT_PAIR(2), PRODUCT_PAIR(3), PRODUCT_PAIR(4),
#if MAXIMUM_ROWS >= 6
    PRODUCT_PAIR(5), PRODUCT_PAIR(6),
#endif
#if MAXIMUM_ROWS >= 12
    PRODUCT_PAIR(7), PRODUCT_PAIR(8), PRODUCT_PAIR(9), PRODUCT_PAIR(10), PRODUCT_PAIR(11), PRODUCT_PAIR(12),
#endif
};
#undef PRODUCT_TILE
#undef PRODUCT_TILES
#undef PRODUCT_PAIR

static void TYPED(gradient_product)(size_t m, size_t n, size_t k, const REAL *a, const ptrdiff_t *row_offsets,
                                    const ptrdiff_t *offsets, const REAL *packed, const REAL *initial,
                                    size_t initial_stride, REAL *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    const size_t count = (m + MAXIMUM_ROWS - 1) / MAXIMUM_ROWS;
    const size_t height = m / count, taller = m % count;
    for (size_t column = 0; column < n;) {
        const size_t rest = n - column;
        const size_t vectors = rest > WIDTH ? 2 : 1;
        const size_t columns = rest < vectors * WIDTH ? rest : vectors * WIDTH;
        const REAL *panel = packed + column * k;
        // The accumulators go through memory between blocks, which does not change them.
        size_t first = 0;
        do {
            const size_t block = k - first < PRODUCT_BLOCK ? k - first : PRODUCT_BLOCK;
            size_t row = 0;
            for (size_t t = 0; t < count; t++) {
                const size_t rows = height + (t < taller ? 1 : 0);
                const REAL *bases[MAXIMUM_ROWS];
                for (size_t i = 0; i < rows; i++) bases[i] = a + row_offsets[row + i];
                REAL *target = c + row * ldc + column;
                const REAL *start = first > 0 ? target : initial ? initial + row * initial_stride + column : NULL;
                TYPED(product_tiles)[rows][vectors - 1](
                    block, bases, offsets + first, panel + first * vectors * WIDTH, start,
                    first > 0 ? ldc : initial_stride, target, ldc, columns);
                row += rows;
            }
            first += block;
        } while (first < k);
        column += columns;
    }
}

#if HAS_QUADS
// target[i * target_stride + j] = source[j * source_stride + i] for 4 x 4 elements.
INLINE void transpose_quad(const float *source, size_t source_stride, float *target, size_t target_stride) {
    quad row[4];
    for (size_t i = 0; i < 4; i++) memcpy(&row[i], source + i * source_stride, sizeof row[i]);
    const quad a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    const quad b = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    const quad c = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    const quad d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
    for (size_t i = 0; i < 4; i++) memcpy(target + i * target_stride, &row[i], sizeof row[i]);
}
#endif

// target[i * target_stride + j] = source[i + j * source_stride], i < rows, j < columns.
static void TYPED(transposed_copy)(size_t rows, size_t columns, const REAL *source, size_t source_stride, REAL *target,
                                   size_t target_stride) {
    size_t i = 0;
#if HAS_QUADS
    for (; i + 4 <= rows; i += 4) {
        size_t j = 0;
        for (; j + 4 <= columns; j += 4)
            transpose_quad(source + i + j * source_stride, source_stride, target + i * target_stride + j, target_stride);
        for (; j < columns; j++)
            for (size_t p = i; p < i + 4; p++) target[p * target_stride + j] = source[p + j * source_stride];
    }
#endif
    for (; i < rows; i++)
        for (size_t j = 0; j < columns; j++) target[i * target_stride + j] = source[i + j * source_stride];
}

static void TYPED(gradient_pack)(size_t k_total, size_t first, size_t count, size_t n, const REAL *source,
                                 size_t k_stride, size_t n_stride, REAL *packed) {
    for (size_t column = 0; column < n;) {
        const size_t rest = n - column;
        const size_t width = rest > WIDTH ? 2 * WIDTH : WIDTH;
        const size_t valid = rest < width ? rest : width;
        REAL *target = packed + column * k_total + first * width;
        const REAL *from = source + column * n_stride;
        if (k_stride == 1) {
            TYPED(transposed_copy)(count, valid, from, n_stride, target, width);
        } else if (n_stride == 1) {
            for (size_t p = 0; p < count; p++) memcpy(target + p * width, from + p * k_stride, valid * sizeof(REAL));
        } else {
            for (size_t p = 0; p < count; p++)
                for (size_t j = 0; j < valid; j++) target[p * width + j] = from[p * k_stride + j * n_stride];
        }
        if (valid < width)
            for (size_t p = 0; p < count; p++)
                for (size_t j = valid; j < width; j++) target[p * width + j] = 0;
        column += valid;
    }
}

static void TYPED(gradient_pack_gathered)(size_t k, size_t n, const REAL *source, const ptrdiff_t *offsets,
                                          size_t n_stride, REAL *packed) {
    for (size_t column = 0; column < n;) {
        const size_t rest = n - column;
        const size_t width = rest > WIDTH ? 2 * WIDTH : WIDTH;
        const size_t valid = rest < width ? rest : width;
        REAL *target = packed + column * k;
        for (size_t p = 0; p < k; p++, target += width) {
            const REAL *from = source + offsets[p] + (ptrdiff_t)(column * n_stride);
            if (n_stride == 1) {
                memcpy(target, from, valid * sizeof(REAL));
            } else {
                for (size_t j = 0; j < valid; j++) target[j] = from[j * n_stride];
            }
            for (size_t j = valid; j < width; j++) target[j] = 0;
        }
        column += valid;
    }
}

static void TYPED(gradient_unpack)(size_t m, size_t n, const REAL *c, size_t ldc, const REAL *bias, REAL *out,
                                   size_t row_stride, size_t column_stride) {
    if (row_stride == 1) {
        TYPED(transposed_copy)(n, m, c, ldc, out, column_stride);
        if (bias)
            for (size_t j = 0; j < n; j++)
                for (size_t i = 0; i < m; i++) out[j * column_stride + i] += bias[j];
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            out[i * row_stride + j * column_stride] = c[i * ldc + j] + (bias ? bias[j] : 0);
}

// Copies of a few sizes that the compiler knows: a call of memcpy would take longer than the copy.
#define EACH_ROW(bytes)                                                                                          \
    for (size_t r = 0; r < rows; r++) memcpy(to + target_rows[r], from + source_rows[r], bytes);                 \
    break

static void TYPED(gradient_pad)(size_t planes, const REAL *source, size_t source_plane, REAL *target,
                                size_t target_plane, size_t rows, const ptrdiff_t *source_rows,
                                const ptrdiff_t *target_rows, size_t length) {
    const size_t bytes = length * sizeof(REAL);
    memset(target, 0, planes * target_plane * sizeof(REAL));
    for (size_t plane = 0; plane < planes; plane++) {
        const REAL *from = source + plane * source_plane;
        REAL *to = target + plane * target_plane;
        switch (bytes) {
        case 8: EACH_ROW(8);
        case 16: EACH_ROW(16);
        case 32: EACH_ROW(32);
        case 64: EACH_ROW(64);
        default: EACH_ROW(bytes);
        }
    }
}
#undef EACH_ROW
