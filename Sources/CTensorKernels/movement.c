// Data movement: packing, patches, strided copies. No arithmetic but an optional exact scale.
#include <string.h>

#include "CTensorKernels.h"
#include "short_copies.h"

typedef float quad __attribute__((vector_size(16)));

// target[column * target_stride + row] = source[row * source_stride + column] * scale, in blocks of 4 x 4.
static void transpose(const float *source, size_t source_stride, size_t rows, size_t columns, float scale,
                      float *target, size_t target_stride) {
    size_t row = 0;
    for (; row + 4 <= rows; row += 4) {
        const float *from = source + row * source_stride;
        float *to = target + row;
        size_t column = 0;
        for (; column + 4 <= columns; column += 4) {
            quad a, b, c, d;
            memcpy(&a, from + column, sizeof a);
            memcpy(&b, from + source_stride + column, sizeof b);
            memcpy(&c, from + 2 * source_stride + column, sizeof c);
            memcpy(&d, from + 3 * source_stride + column, sizeof d);
            const quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            const quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
            const quad columns4[4] = {
                __builtin_shufflevector(ab, cd, 0, 1, 4, 5) * scale,
                __builtin_shufflevector(ab, cd, 2, 3, 6, 7) * scale,
                __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5) * scale,
                __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7) * scale};
            for (size_t i = 0; i < 4; i++) memcpy(to + (column + i) * target_stride, &columns4[i], sizeof a);
        }
        for (; column < columns; column++)
            for (size_t i = 0; i < 4; i++) to[column * target_stride + i] = from[i * source_stride + column] * scale;
    }
    for (; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            target[column * target_stride + row] = source[row * source_stride + column] * scale;
}

void mk_transpose(const float *x, size_t rows, size_t columns, float *y) {
    // Stripes whose lines in y stay in cache.
    for (size_t row = 0; row < rows; row += 64) {
        const size_t height = rows - row < 64 ? rows - row : 64;
        transpose(x + row * columns, columns, height, columns, 1, y + row, rows);
    }
}

void mk_pack(const float *b, size_t row_stride, size_t column_stride, size_t k, size_t n, size_t panel_width,
             float scale, float *packed) {
    for (size_t column = 0; column < n; column += panel_width) {
        const size_t valid = n - column < panel_width ? n - column : panel_width;
        if (row_stride == 1 && column_stride != 1) {
            transpose(b + column * column_stride, column_stride, valid, k, scale, packed, panel_width);
            for (size_t p = 0; valid < panel_width && p < k; p++)
                memset(packed + p * panel_width + valid, 0, (panel_width - valid) * sizeof(float));
            packed += k * panel_width;
            continue;
        }
        for (size_t p = 0; p < k; p++) {
            const float *source = b + p * row_stride + column * column_stride;
            for (size_t j = 0; j < valid; j++) packed[j] = source[j * column_stride] * scale;
            for (size_t j = valid; j < panel_width; j++) packed[j] = 0;
            packed += panel_width;
        }
    }
}

// One row of one panel: output pixels [first, first + count) under one kernel tap.
static void pack_tap(const mk_window *w, const float *plane, size_t ky, size_t kx, size_t first, size_t count,
                     float *target) {
    size_t oy = first / w->output_width, ox = first % w->output_width;
    for (size_t done = 0; done < count; oy++, ox = 0) {
        size_t run = w->output_width - ox;
        if (run > count - done) run = count - done;
        float *out = target + done;
        const size_t y = oy * w->stride_height + ky * w->dilation_height;
        if (y < w->pad_top || y - w->pad_top >= w->input_height) {
            memset(out, 0, run * sizeof(float));
        } else {
            const float *line = plane + (y - w->pad_top) * w->input_width;
            size_t x = ox * w->stride_width + kx * w->dilation_width;
            if (w->stride_width == 1) {
                size_t i = 0;
                for (; i < run && x < w->pad_left; i++, x++) out[i] = 0;
                const size_t limit = w->input_width + w->pad_left;
                const size_t inside = x >= limit ? 0 : limit - x;
                const size_t copied = inside < run - i ? inside : run - i;
                if (copied) memcpy(out + i, line + (x - w->pad_left), copied * sizeof(float));
                for (i += copied; i < run; i++) out[i] = 0;
            } else {
                for (size_t i = 0; i < run; i++, x += w->stride_width) {
                    const int inside = x >= w->pad_left && x - w->pad_left < w->input_width;
                    out[i] = inside ? line[x - w->pad_left] : 0;
                }
            }
        }
        done += run;
    }
}

void mk_pack_patches(const mk_window *w, const float *input, size_t channels, size_t first, size_t count,
                     size_t panel_width, float *packed) {
    for (size_t start = 0; start < count; start += panel_width) {
        const size_t valid = count - start < panel_width ? count - start : panel_width;
        for (size_t c = 0; c < channels; c++) {
            const float *plane = input + c * w->input_height * w->input_width;
            for (size_t ky = 0; ky < w->kernel_height; ky++) {
                for (size_t kx = 0; kx < w->kernel_width; kx++) {
                    pack_tap(w, plane, ky, kx, first + start, valid, packed);
                    for (size_t j = valid; j < panel_width; j++) packed[j] = 0;
                    packed += panel_width;
                }
            }
        }
    }
}

#define STRIDED_COPY(type)                                                                                       \
    static type *copy_##type(size_t rank, const size_t *extents, const size_t *strides, const type *input,       \
                             type *output) {                                                                     \
        if (rank == 0) {                                                                                         \
            *output = *input;                                                                                    \
            return output + 1;                                                                                   \
        }                                                                                                        \
        const size_t extent = extents[0], stride = strides[0];                                                   \
        if (rank == 1) {                                                                                         \
            for (size_t i = 0; i < extent; i++) output[i] = input[i * stride];                                   \
            return output + extent;                                                                              \
        }                                                                                                        \
        for (size_t i = 0; i < extent; i++)                                                                      \
            output = copy_##type(rank - 1, extents + 1, strides + 1, input + i * stride, output);                \
        return output;                                                                                           \
    }

STRIDED_COPY(uint8_t)
STRIDED_COPY(uint16_t)
STRIDED_COPY(uint32_t)
STRIDED_COPY(uint64_t)

void mk_strided_copy(size_t element_size, size_t rank, const size_t *extents, const size_t *input_strides,
                     const void *input, void *output) {
    switch (element_size) {
    case 1: copy_uint8_t(rank, extents, input_strides, input, output); break;
    case 2: copy_uint16_t(rank, extents, input_strides, input, output); break;
    case 4: copy_uint32_t(rank, extents, input_strides, input, output); break;
    case 8: copy_uint64_t(rank, extents, input_strides, input, output); break;
    default: break;
    }
}

void mk_pack_int8(const int8_t *b, size_t k, size_t n, size_t lanes, int8_t *packed) {
    const size_t pairs = (k + 1) / 2;
    for (size_t panel = 0; panel < n; panel += lanes) {
        for (size_t p = 0; p < pairs; p++) {
            for (size_t lane = 0; lane < lanes; lane++) {
                for (size_t part = 0; part < 2; part++) {
                    const size_t row = panel + lane, column = 2 * p + part;
                    *packed++ = row < n && column < k ? b[row * k + column] : 0;
                }
            }
        }
    }
}

void mk_pad_planes(const mk_window *w, const float *input, size_t channels, size_t height, size_t width, float *padded) {
    for (size_t c = 0; c < channels; c++) {
        const float *plane = input + c * w->input_height * w->input_width;
        float *target = padded + c * height * width;
        memset(target, 0, height * width * sizeof(float));
        const size_t rows = height - w->pad_top < w->input_height ? height - w->pad_top : w->input_height;
        const size_t columns = width - w->pad_left < w->input_width ? width - w->pad_left : w->input_width;
        for (size_t y = 0; y < rows; y++) {
            copy_run(target + (y + w->pad_top) * width + w->pad_left, plane + y * w->input_width, columns);
        }
    }
}

void mk_pack_padded_patches(const mk_window *w, const float *padded, size_t channels, size_t height, size_t width,
                            size_t first, size_t count, size_t panel_width, float *packed) {
    // The pixels of a panel as runs along the output's rows, the same for every tap.
    struct { size_t source, length; } runs[MK_MAXIMUM_PANEL];
    for (size_t start = 0; start < count; start += panel_width) {
        const size_t valid = count - start < panel_width ? count - start : panel_width;
        size_t run_count = 0;
        for (size_t done = 0; done < valid;) {
            const size_t oy = (first + start + done) / w->output_width, ox = (first + start + done) % w->output_width;
            const size_t rest = w->output_width - ox < valid - done ? w->output_width - ox : valid - done;
            runs[run_count].source = oy * width + ox;
            runs[run_count++].length = rest;
            done += rest;
        }
        for (size_t c = 0; c < channels; c++) {
            for (size_t ky = 0; ky < w->kernel_height; ky++) {
                for (size_t kx = 0; kx < w->kernel_width; kx++) {
                    const float *tap = padded + (c * height + ky * w->dilation_height) * width + kx * w->dilation_width;
                    float *target = packed;
                    for (size_t r = 0; r < run_count; r++) {
                        copy_run(target, tap + runs[r].source, runs[r].length);
                        target += runs[r].length;
                    }
                    for (size_t j = valid; j < panel_width; j++) packed[j] = 0;
                    packed += panel_width;
                }
            }
        }
    }
}
