// Gradients of windows that slide over one plane.

// `body` for every tap of every window that lies on the input: a run of `count` elements dy[first...] of one output row
// and x[i * step], in the order of output rows, then taps.
#define EACH_RUN(body)                                                                                           \
    for (size_t oy = 0; oy < w->output_height; oy++) {                                                           \
        size_t top, bottom;                                                                                      \
        valid_rows(w, oy, &top, &bottom);                                                                        \
        for (size_t ky = top; ky < bottom; ky++) {                                                               \
            const size_t y = oy * w->stride_height + ky * w->dilation_height - w->pad_top;                       \
            for (size_t kx = 0; kx < w->kernel_width; kx++) {                                                    \
                size_t first, last;                                                                              \
                valid_columns(w, kx, &first, &last);                                                             \
                if (first == last) {                                                                             \
                    kx = next_column(w, kx, first) - 1;                                                          \
                    continue;                                                                                    \
                }                                                                                                \
                const size_t tap = ky * w->kernel_width + kx, count = last - first, step = w->stride_width;      \
                const size_t place = y * w->input_width + first * step + kx * w->dilation_width - w->pad_left;   \
                const REAL *restrict flow = dy + oy * w->output_width + first;                                   \
                (void)tap;                                                                                       \
                body                                                                                             \
            }                                                                                                    \
        }                                                                                                        \
    }

static void TYPED(depthwise_input)(const mk_window *w, const REAL *dy, const REAL *weights, REAL *dx) {
    EACH_RUN({
        const REAL weight = weights[tap];
        REAL *restrict target = dx + place;
        if (step == 1) {
            for (size_t i = 0; i < count; i++) target[i] += weight * flow[i];
        } else {
            for (size_t i = 0; i < count; i++) target[i * step] += weight * flow[i];
        }
    })
}

static void TYPED(depthwise_weight)(const mk_window *w, const REAL *dy, const REAL *x, double *sums) {
    EACH_RUN({
        const REAL *restrict source = x + place;
        double *restrict lanes = sums + tap * 8;
        size_t i = 0;
        if (step == 1) {
            for (; i + 8 <= count; i += 8)
                for (size_t j = 0; j < 8; j++) lanes[j] += (double)flow[i + j] * (double)source[i + j];
        }
        for (; i < count; i++) lanes[i % 8] += (double)flow[i] * (double)source[i * step];
    })
}

static void TYPED(average_pool_gradient)(const mk_window *w, const REAL *dy, const float *row_counts,
                                         const float *column_counts, REAL *dx) {
    memset(dx, 0, w->input_height * w->input_width * sizeof(REAL));
    EACH_RUN({
        REAL *restrict target = dx + place;
        for (size_t i = 0; i < count; i++)
            target[i * step] += flow[i] / ((REAL)row_counts[oy] * (REAL)column_counts[first + i]);
    })
}
#undef EACH_RUN

// Whether a later element of a window takes the place of the greatest so far.
#define SUPERSEDES(value, best) ((value) > (best) || ((value) != (value) && (best) == (best)))

// Windows of 2 x 2 side by side: every element of the input belongs to one of them, or to none.
static void TYPED(halving_pool_gradient)(const mk_window *w, const REAL *x, const REAL *dy, REAL *dx) {
    const size_t width = w->input_width, outputs = w->output_width;
    if (2 * w->output_height < w->input_height || 2 * outputs < width)
        memset(dx, 0, w->input_height * width * sizeof(REAL));
    for (size_t oy = 0; oy < w->output_height; oy++) {
        const REAL *restrict upper = x + 2 * oy * width;
        const REAL *restrict lower = upper + width;
        REAL *restrict upper_target = dx + 2 * oy * width;
        REAL *restrict lower_target = upper_target + width;
        const REAL *restrict flow = dy + oy * outputs;
        for (size_t ox = 0; ox < outputs; ox++) {
            const REAL a = upper[2 * ox], b = upper[2 * ox + 1], c = lower[2 * ox], d = lower[2 * ox + 1];
            const int right = SUPERSEDES(b, a), lower_right = SUPERSEDES(d, c);
            const REAL top = right ? b : a, bottom = lower_right ? d : c;
            const int below = SUPERSEDES(bottom, top);
            const REAL up = below ? 0 : flow[ox], down = below ? flow[ox] : 0;
            upper_target[2 * ox] = right ? 0 : up;
            upper_target[2 * ox + 1] = right ? up : 0;
            lower_target[2 * ox] = lower_right ? 0 : down;
            lower_target[2 * ox + 1] = lower_right ? down : 0;
        }
    }
}

static void TYPED(max_pool_gradient)(const mk_window *w, const REAL *x, const REAL *dy, REAL *dx) {
    if (w->kernel_height == 2 && w->kernel_width == 2 && w->stride_height == 2 && w->stride_width == 2 &&
        w->dilation_height == 1 && w->dilation_width == 1 && w->pad_top == 0 && w->pad_left == 0 &&
        2 * w->output_height <= w->input_height && 2 * w->output_width <= w->input_width) {
        TYPED(halving_pool_gradient)(w, x, dy, dx);
        return;
    }
    memset(dx, 0, w->input_height * w->input_width * sizeof(REAL));
    for (size_t oy = 0; oy < w->output_height; oy++) {
        size_t top, bottom;
        valid_rows(w, oy, &top, &bottom);
        for (size_t ox = 0; ox < w->output_width; ox++) {
            const size_t start = ox * w->stride_width, limit = w->input_width + w->pad_left;
            const size_t d = w->dilation_width;
            const size_t left = start >= w->pad_left ? 0 : (w->pad_left - start + d - 1) / d;
            size_t right = start >= limit ? 0 : (limit - start + d - 1) / d;
            if (right > w->kernel_width) right = w->kernel_width;
            REAL best = 0;
            size_t place = SIZE_MAX;
            for (size_t ky = top; ky < bottom; ky++) {
                const size_t y = oy * w->stride_height + ky * w->dilation_height - w->pad_top;
                for (size_t kx = left; kx < right; kx++) {
                    const size_t at = y * w->input_width + start + kx * d - w->pad_left;
                    if (place == SIZE_MAX || SUPERSEDES(x[at], best)) {
                        best = x[at];
                        place = at;
                    }
                }
            }
            if (place != SIZE_MAX) dx[place] += dy[oy * w->output_width + ox];
        }
    }
}
#undef SUPERSEDES
