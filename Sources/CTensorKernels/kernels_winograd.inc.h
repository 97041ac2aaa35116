// Convolution of 3 x 3 taps and strides of 1 by the minimal filtering algorithm F(2 x 2, 3 x 3) of Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016: tiles of 2 x 2 outputs, computed from 4 x 4 inputs by 16 products
// instead of 36. Tiles are numbered along the rows of an image's output.
#include "short_copies.h"

// The four sums of one padded row for each tile: d0 - d2, d1 + d2, d2 - d1, d1 - d3, `plane` elements apart.
INLINE void winograd_row(const float *row, size_t tiles, size_t plane, float *sums) {
    if (tiles < 4) {
        for (size_t t = 0; t < tiles; t++) {
            const float *d = row + 2 * t;
            sums[t] = d[0] - d[2];
            sums[plane + t] = d[1] + d[2];
            sums[2 * plane + t] = d[2] - d[1];
            sums[3 * plane + t] = d[1] - d[3];
        }
        return;
    }
    for (size_t done = 0; done < tiles; done += 4) {
        // The last four overlap the ones before.
        const size_t t = done + 4 <= tiles ? done : tiles - 4;
        const float *d = row + 2 * t;
        const v4 a = load4(d), b = load4(d + 4), c = load4(d + 2), e = load4(d + 6);
        const v4 d0 = EVEN(a, b), d1 = ODD(a, b), d2 = EVEN(c, e), d3 = ODD(c, e);
        const v4 s0 = d0 - d2, s1 = d1 + d2, s2 = d2 - d1, s3 = d1 - d3;
        memcpy(sums + t, &s0, sizeof s0);
        memcpy(sums + plane + t, &s1, sizeof s1);
        memcpy(sums + 2 * plane + t, &s2, sizeof s2);
        memcpy(sums + 3 * plane + t, &s3, sizeof s3);
    }
}

// Columns [column, column + LANES) of one channel of a packed operand of `k` rows; `valid` of them count.
INLINE void store_columns(float *packed, size_t k, size_t channel, size_t column, size_t valid, vf x) {
    const size_t lane = column % PANEL;
    float *target = packed + (column - lane) * k + channel * PANEL + lane;
    if (lane + LANES <= PANEL) {
        // What is not valid is overwritten by the next tiles or read by nobody.
        store(target, x);
    } else {
        const size_t first = PANEL - lane < valid ? PANEL - lane : valid;
        float buffer[LANES];
        store(buffer, x);
        copy_run(target, buffer, first);
        copy_run(packed + (column - lane + PANEL) * k + channel * PANEL, buffer + first, valid - first);
    }
}

static void winograd_input(const mk_window *w, const float *input, size_t channels, size_t first, size_t count,
                           size_t column, size_t position_stride, float *scratch, float *transformed) {
    const size_t across = (w->output_width + 1) / 2;
    const size_t top = first / across, rows = 2 * ((first + count - 1) / across - top) + 4;
    // Even and odd rows apart, so that the rows of consecutive tiles lie one behind the other.
    const size_t half = rows / 2 * across, plane = 2 * half, width = 2 * across + 2;
    const size_t copied = w->input_width < width - w->pad_left ? w->input_width : width - w->pad_left;
    // Each pass goes over several channels: reading what was written in other pieces just before would wait for it.
    const size_t fitting = MK_WINOGRAD_SCRATCH / (4 * plane + rows * width);
    const size_t at_once = fitting < 1 ? 1 : fitting < channels ? fitting : channels;
    float *padded = scratch + at_once * 4 * plane + LANES;
    memset(padded, 0, at_once * rows * width * sizeof(float));
    for (size_t start = 0; start < channels; start += at_once) {
        const size_t group = channels - start < at_once ? channels - start : at_once;
        const size_t top_row = 2 * top < w->pad_top ? w->pad_top - 2 * top : 0;
        for (size_t c = 0; c < group; c++) {
            const float *source = input + (start + c) * w->input_height * w->input_width;
            for (size_t y = top_row; y < rows && y + 2 * top - w->pad_top < w->input_height; y++) {
                copy_run(padded + (c * rows + y) * width + w->pad_left,
                         source + (y + 2 * top - w->pad_top) * w->input_width, copied);
            }
        }
        for (size_t c = 0; c < group; c++) {
            for (size_t y = 0; y < rows; y++) {
                winograd_row(padded + (c * rows + y) * width, across, plane,
                             scratch + c * 4 * plane + (y % 2) * half + y / 2 * across);
            }
        }
        for (size_t c = 0; c < group; c++) {
            for (size_t j = 0; j < 4; j++) {
                const float *even = scratch + (c * 4 + j) * plane + (first - top * across), *odd = even + half;
                for (size_t q = 0; q < count; q += LANES) {
                    const vf d0 = load(even + q), d2 = load(even + across + q);
                    const vf d1 = load(odd + q), d3 = load(odd + across + q);
                    const size_t valid = count - q < LANES ? count - q : LANES;
                    float *target = transformed + j * position_stride;
                    store_columns(target, channels, start + c, column + q, valid, d0 - d2);
                    store_columns(target + 4 * position_stride, channels, start + c, column + q, valid, d1 + d2);
                    store_columns(target + 8 * position_stride, channels, start + c, column + q, valid, d2 - d1);
                    store_columns(target + 12 * position_stride, channels, start + c, column + q, valid, d1 - d3);
                }
            }
        }
    }
}

#if LANES == 16
#define INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define INTERLEAVE_LOW 0, 4, 1, 5
#define INTERLEAVE_HIGH 2, 6, 3, 7
#endif

static void winograd_output(const mk_window *w, const float *products, size_t filters, size_t pitch,
                            size_t position_stride, size_t first, size_t count, const mk_epilogue *e, float *output) {
    const size_t across = (w->output_width + 1) / 2, top = first / across * 2, left = first % across;
    for (size_t f = 0; f < filters; f++) {
        float *plane = output + f * w->output_height * w->output_width;
        size_t y = top, tile = left;
        const float bias = e->row_bias ? e->row_bias[f] : 0;
        for (size_t q = 0; q < count; q += LANES) {
            const float *m = products + f * pitch + q;
            vf upper[4], lower[4];
#pragma clang loop unroll(full)
            for (size_t j = 0; j < 4; j++) {
                const vf m0 = load(m + j * position_stride), m1 = load(m + (4 + j) * position_stride);
                const vf m2 = load(m + (8 + j) * position_stride), m3 = load(m + (12 + j) * position_stride);
                upper[j] = m0 + m1 + m2;
                lower[j] = m1 - m2 - m3;
            }
            float rows[2][2 * LANES];
            const vf even0 = activate(upper[0] + upper[1] + upper[2] + bias, e);
            const vf odd0 = activate(upper[1] - upper[2] - upper[3] + bias, e);
            const vf even1 = activate(lower[0] + lower[1] + lower[2] + bias, e);
            const vf odd1 = activate(lower[1] - lower[2] - lower[3] + bias, e);
            store(rows[0], __builtin_shufflevector(even0, odd0, INTERLEAVE_LOW));
            store(rows[0] + LANES, __builtin_shufflevector(even0, odd0, INTERLEAVE_HIGH));
            store(rows[1], __builtin_shufflevector(even1, odd1, INTERLEAVE_LOW));
            store(rows[1] + LANES, __builtin_shufflevector(even1, odd1, INTERLEAVE_HIGH));
            const size_t valid = count - q < LANES ? count - q : LANES;
            for (size_t done = 0; done < valid;) {
                const size_t run = across - tile < valid - done ? across - tile : valid - done;
                const size_t rest = w->output_width - 2 * tile, pixels = 2 * run < rest ? 2 * run : rest;
                float *target = plane + y * w->output_width + 2 * tile;
                copy_run(target, rows[0] + 2 * done, pixels);
                if (y + 1 < w->output_height) copy_run(target + w->output_width, rows[1] + 2 * done, pixels);
                done += run;
                tile += run;
                if (tile == across) tile = 0, y += 2;
            }
        }
    }
}
