// Reductions over contiguous rows and windows over planes. A sum runs in 16 lanes, element i in lane i mod 16, and the
// lanes are then added as a tree: an order that depends on the row's length alone.

enum { REDUCTION_LANES = 16 };

INLINE float fold_sum(float *lanes) {
    for (int width = REDUCTION_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    return canonical(lanes[0]);
}

INLINE float greatest(const float *x, size_t length) {
    float lanes[REDUCTION_LANES];
    for (int j = 0; j < REDUCTION_LANES; j++) lanes[j] = -__builtin_inff();
    size_t i = 0;
    for (; i + REDUCTION_LANES <= length; i += REDUCTION_LANES)
        for (int j = 0; j < REDUCTION_LANES; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (; i < length; i++) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    float result = lanes[0];
    for (int j = 1; j < REDUCTION_LANES; j++) result = lanes[j] > result ? lanes[j] : result;
    return result;
}

INLINE float total(const float *x, size_t length) {
    float lanes[REDUCTION_LANES] = {0};
    size_t i = 0;
    for (; i + REDUCTION_LANES <= length; i += REDUCTION_LANES)
        for (int j = 0; j < REDUCTION_LANES; j++) lanes[j] += x[i + j];
    for (size_t j = 0; i + j < length; j++) lanes[j] += x[i + j];
    return fold_sum(lanes);
}

static void softmax(const float *input, float *output, size_t rows, size_t length) {
    for (size_t r = 0; r < rows; r++, input += length, output += length) {
        const float top = greatest(input, length);
        INDEPENDENT
        for (size_t i = 0; i < length; i++) output[i] = exp_element(input[i] - top);
        const float sum = total(output, length);
        INDEPENDENT
        for (size_t i = 0; i < length; i++) output[i] = canonical(output[i] / sum);
    }
}

static void row_mean(const float *input, float *output, size_t rows, size_t length) {
    for (size_t r = 0; r < rows; r++) output[r] = total(input + r * length, length) / (float)length;
}

static void row_max(const float *input, float *output, size_t rows, size_t length) {
    for (size_t r = 0; r < rows; r++) {
        const float *x = input + r * length;
        int has_nan = 0;
        for (size_t i = 0; i < length; i++) has_nan |= x[i] != x[i];
        output[r] = has_nan ? __builtin_nanf("") : greatest(x, length);
    }
}

// The output columns [*first, *last) for which tap kx falls inside the input.
INLINE void valid_columns(const mk_window *w, size_t kx, size_t *first, size_t *last) {
    const size_t tap = kx * w->dilation_width;
    const size_t s = w->stride_width;
    *first = tap >= w->pad_left ? 0 : (w->pad_left - tap + s - 1) / s;
    // ox * s + tap - pad < width
    const size_t limit = w->input_width + w->pad_left;
    *last = tap >= limit ? 0 : (limit - tap + s - 1) / s;
    if (*last > w->output_width) *last = w->output_width;
    if (*first > *last) *first = *last;
}

// The rows of the window that lie on the input for output row `oy`: a window may be far larger than its input, and its
// other rows must not cost anything.
INLINE void valid_rows(const mk_window *w, size_t oy, size_t *first, size_t *last) {
    const size_t y = oy * w->stride_height, d = w->dilation_height;
    const size_t limit = w->input_height + w->pad_top;
    *first = y >= w->pad_top ? 0 : (w->pad_top - y + d - 1) / d;
    *last = y >= limit ? 0 : (limit - y + d - 1) / d;
    if (*last > w->kernel_height) *last = w->kernel_height;
}

// After column `kx` of the window, which is on the input for no output column: the next that may be. Before output column
// `ox` the column lies left of the input, from there on right of it.
INLINE size_t next_column(const mk_window *w, size_t kx, size_t ox) {
    if (ox == 0) return w->kernel_width;
    const size_t d = w->dilation_width, x = (ox - 1) * w->stride_width;
    const size_t next = x >= w->pad_left ? kx + 1 : (w->pad_left - x + d - 1) / d;
    return next > kx ? next : kx + 1;
}

// For each output row: `start`, then for each tap in order `body` with `acc[ox]` and `value`, then `finish`.
#define SLIDE(start, body, finish)                                                                               \
    for (size_t oy = 0; oy < w->output_height; oy++) {                                                           \
        float *restrict acc = output + oy * w->output_width;                                                     \
        for (size_t ox = 0; ox < w->output_width; ox++) acc[ox] = (start);                                       \
        size_t top, bottom;                                                                                      \
        valid_rows(w, oy, &top, &bottom);                                                                        \
        for (size_t ky = top; ky < bottom; ky++) {                                                               \
            const size_t y = oy * w->stride_height + ky * w->dilation_height;                                    \
            const float *restrict line = input + (y - w->pad_top) * w->input_width;                              \
            for (size_t kx = 0; kx < w->kernel_width; kx++) {                                                    \
                size_t first, last;                                                                              \
                valid_columns(w, kx, &first, &last);                                                             \
                if (first == last) {                                                                             \
                    kx = next_column(w, kx, first) - 1;                                                          \
                    continue;                                                                                    \
                }                                                                                                \
                const size_t tap = ky * w->kernel_width + kx;                                                    \
                (void)tap;                                                                                       \
                const size_t s = w->stride_width;                                                                \
                const float *restrict x = line + (first * s + kx * w->dilation_width - w->pad_left);             \
                if (s == 1)                                                                                      \
                    for (size_t i = 0; i < last - first; i++) {                                                  \
                        const float value = x[i];                                                                \
                        acc[first + i] = body(acc[first + i], value);                                            \
                    }                                                                                            \
                else if (s == 2)                                                                                 \
                    for (size_t i = 0; i < last - first; i++) {                                                  \
                        const float value = x[2 * i];                                                            \
                        acc[first + i] = body(acc[first + i], value);                                            \
                    }                                                                                            \
                else                                                                                             \
                    for (size_t i = 0; i < last - first; i++) {                                                  \
                        const float value = x[s * i];                                                            \
                        acc[first + i] = body(acc[first + i], value);                                            \
                    }                                                                                            \
            }                                                                                                    \
        }                                                                                                        \
        for (size_t ox = 0; ox < w->output_width; ox++) acc[ox] = finish;                                        \
    }

static void depthwise(const mk_window *w, const float *input, const float *weights, float bias, float *output) {
#define ACCUMULATE(sum, value) ((sum) + weights[tap] * (value))
    SLIDE(0.0f, ACCUMULATE, canonical(acc[ox] + bias))
#undef ACCUMULATE
}

INLINE v4 greater4(v4 best, v4 value) {
    const vi4 wins = (value > best) | (value != value);
    return (v4)((wins & (vi4)value) | (~wins & (vi4)best));
}

static void max_pool(const mk_window *w, const float *input, float *output) {
#define GREATER(best, value) ((value) > (best) || (value) != (value) ? (value) : (best))
    const int is_halving = w->kernel_height == 2 && w->kernel_width == 2 && w->stride_height == 2 && w->stride_width == 2 &&
                           w->dilation_height == 1 && w->dilation_width == 1 && w->pad_top == 0 && w->pad_left == 0;
    if (is_halving && 2 * w->output_height <= w->input_height && 2 * w->output_width <= w->input_width) {
        for (size_t oy = 0; oy < w->output_height; oy++) {
            const float *restrict a = input + 2 * oy * w->input_width;
            const float *restrict b = a + w->input_width;
            float *restrict out = output + oy * w->output_width;
            size_t ox = 0;
            for (; ox + 4 <= w->output_width; ox += 4) {
                const v4 a0 = load4(a + 2 * ox), a1 = load4(a + 2 * ox + 4);
                const v4 b0 = load4(b + 2 * ox), b1 = load4(b + 2 * ox + 4);
                v4 best = greater4(greater4(greater4(EVEN(a0, a1), ODD(a0, a1)), EVEN(b0, b1)), ODD(b0, b1));
                const vi4 is_number = best == best;
                const v4 nan = (v4){} + __builtin_nanf("");
                best = (v4)((is_number & (vi4)best) | (~is_number & (vi4)nan));
                memcpy(out + ox, &best, sizeof best);
            }
            for (; ox < w->output_width; ox++) {
                float best = a[2 * ox];
                best = GREATER(best, a[2 * ox + 1]);
                best = GREATER(best, b[2 * ox]);
                best = GREATER(best, b[2 * ox + 1]);
                out[ox] = canonical(best);
            }
        }
        return;
    }
    SLIDE(-__builtin_inff(), GREATER, canonical(acc[ox]))
#undef GREATER
}

static void average_pool(const mk_window *w, const float *input, const float *row_counts, const float *column_counts,
                         float *output) {
#define ACCUMULATE(sum, value) ((sum) + (value))
    SLIDE(0.0f, ACCUMULATE, canonical(acc[ox] / (row_counts[oy] * column_counts[ox])))
#undef ACCUMULATE
}
