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

// Whether a later element of a window takes the place of the greatest so far; without a branch, which would be guessed
// wrongly half of the time.
#define SUPERSEDES(value, best) (((value) > (best)) | (((value) != (value)) & ((best) == (best))))

#if HAS_QUADS
// Four windows of 2 x 2 side by side.
INLINE void halving_quad(const float *upper, const float *lower, const float *flow, float *upper_target,
                         float *lower_target) {
    typedef int32_t quad_mask __attribute__((vector_size(16)));
    quad u[2], l[2], f;
    memcpy(u, upper, sizeof u);
    memcpy(l, lower, sizeof l);
    memcpy(&f, flow, sizeof f);
    const quad a = __builtin_shufflevector(u[0], u[1], 0, 2, 4, 6), b = __builtin_shufflevector(u[0], u[1], 1, 3, 5, 7);
    const quad c = __builtin_shufflevector(l[0], l[1], 0, 2, 4, 6), d = __builtin_shufflevector(l[0], l[1], 1, 3, 5, 7);
    const quad_mask right = SUPERSEDES(b, a), lower_right = SUPERSEDES(d, c);
    const quad top = (quad)((right & (quad_mask)b) | (~right & (quad_mask)a));
    const quad bottom = (quad)((lower_right & (quad_mask)d) | (~lower_right & (quad_mask)c));
    const quad_mask below = SUPERSEDES(bottom, top);
    const quad_mask up = ~below & (quad_mask)f, down = below & (quad_mask)f;
    const quad_mask ua = ~right & up, ub = right & up, la = ~lower_right & down, lb = lower_right & down;
    const quad_mask us[2] = {__builtin_shufflevector(ua, ub, 0, 4, 1, 5), __builtin_shufflevector(ua, ub, 2, 6, 3, 7)};
    const quad_mask ls[2] = {__builtin_shufflevector(la, lb, 0, 4, 1, 5), __builtin_shufflevector(la, lb, 2, 6, 3, 7)};
    memcpy(upper_target, us, sizeof us);
    memcpy(lower_target, ls, sizeof ls);
}
#endif

// Windows of 2 x 2 side by side: every element of the input belongs to one of them, or to none.
static void TYPED(halving_pool_gradient)(const mk_window *w, const REAL *x, const REAL *dy, REAL *dx) {
    const size_t width = w->input_width, outputs = w->output_width;
    if (2 * w->output_height < w->input_height || 2 * outputs < width)
        memset(dx, 0, w->input_height * width * sizeof(REAL));
    for (size_t oy = 0; oy < w->output_height; oy++) {
        const REAL *upper = x + 2 * oy * width, *lower = upper + width;
        REAL *upper_target = dx + 2 * oy * width, *lower_target = upper_target + width;
        const REAL *flow = dy + oy * outputs;
        size_t ox = 0;
#if HAS_QUADS
        for (; ox + 4 <= outputs; ox += 4)
            halving_quad(upper + 2 * ox, lower + 2 * ox, flow + ox, upper_target + 2 * ox, lower_target + 2 * ox);
#endif
        for (; ox < outputs; ox++) {
            const REAL a = upper[2 * ox], b = upper[2 * ox + 1], c = lower[2 * ox], d = lower[2 * ox + 1];
            const int right = SUPERSEDES(b, a), lower_right = SUPERSEDES(d, c);
            const int below = SUPERSEDES(lower_right ? d : c, right ? b : a);
            const REAL values[2] = {0, flow[ox]};
            upper_target[2 * ox] = values[(1 - right) & (1 - below)];
            upper_target[2 * ox + 1] = values[right & (1 - below)];
            lower_target[2 * ox] = values[(1 - lower_right) & below];
            lower_target[2 * ox + 1] = values[lower_right & below];
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
    // The greatest elements under some windows of a row at a time, and where they are.
    enum { WINDOWS = 64 };
    REAL best[WINDOWS] = {0};
    size_t places[WINDOWS];
    for (size_t oy = 0; oy < w->output_height; oy++) {
        size_t top, bottom;
        valid_rows(w, oy, &top, &bottom);
        for (size_t start = 0; start < w->output_width; start += WINDOWS) {
            const size_t end = w->output_width - start < WINDOWS ? w->output_width : start + WINDOWS;
            for (size_t i = 0; i < end - start; i++) places[i] = SIZE_MAX;
            for (size_t ky = top; ky < bottom; ky++) {
                const size_t y = oy * w->stride_height + ky * w->dilation_height - w->pad_top;
                for (size_t kx = 0; kx < w->kernel_width; kx++) {
                    size_t first, last;
                    valid_columns(w, kx, &first, &last);
                    if (first == last) {
                        kx = next_column(w, kx, first) - 1;
                        continue;
                    }
                    if (first < start) first = start;
                    if (last > end) last = end;
                    const size_t place = y * w->input_width + kx * w->dilation_width - w->pad_left;
                    for (size_t ox = first; ox < last; ox++) {
                        const size_t at = place + ox * w->stride_width, i = ox - start;
                        const REAL value = x[at];
                        const int takes = (places[i] == SIZE_MAX) | SUPERSEDES(value, best[i]);
                        best[i] = takes ? value : best[i];
                        places[i] = takes ? at : places[i];
                    }
                }
            }
            for (size_t i = 0; i < end - start; i++)
                if (places[i] != SIZE_MAX) dx[places[i]] += dy[oy * w->output_width + start + i];
        }
    }
}
#undef SUPERSEDES
