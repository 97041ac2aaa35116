// The hot loops of training: products, windows, statistics and recurrent steps of gradients, in float and in double by
// one text, compiled once per instruction set. Sums run in an order that depends on the operands' extents alone.
#pragma once
#include <stddef.h>
#include <stdint.h>

// The functions of one element type `real`.
//
// Packed right operands are panels of 2 * lanes columns, k rows each; what is left, when it is at most `lanes` columns,
// is one panel of `lanes`. In all they take k * (n rounded up to a multiple of lanes) elements.
#define MK_GRADIENTS(type_name, real)                                                                            \
    typedef struct {                                                                                             \
        size_t lanes;                                                                                            \
        /* c[i, j] = initial[i, j] + sum of a[row_offsets[i] + offsets[p]] * b[p, j] over p = 0, 1, 2, ... in one   \
           chain. `initial` has rows `initial_stride` apart (0: one for all), may be c, and is zeros when NULL. */  \
        void (*product)(size_t m, size_t n, size_t k, const real *a, const ptrdiff_t *row_offsets,                \
                        const ptrdiff_t *offsets, const real *packed, const real *initial,                       \
                        size_t initial_stride, real *c, size_t ldc);                                             \
        /* Rows [first, first + count) of a packed operand of k_total rows: b(i, j) = source[i * k_stride + j *     \
           n_stride], i from 0. */                                                                               \
        void (*pack)(size_t k_total, size_t first, size_t count, size_t n, const real *source, size_t k_stride,   \
                     size_t n_stride, real *packed);                                                             \
        /* A packed operand whose row i starts at offsets[i]. */                                                  \
        void (*pack_gathered)(size_t k, size_t n, const real *source, const ptrdiff_t *offsets, size_t n_stride, \
                              real *packed);                                                                     \
        /* out[i * row_stride + j * column_stride] = c[i * ldc + j] + bias[j] (NULL: none). */                    \
        void (*unpack)(size_t m, size_t n, const real *c, size_t ldc, const real *bias, real *out,                \
                       size_t row_stride, size_t column_stride);                                                 \
        /* Each of `planes` zeroed planes of target_plane elements gets `rows` rows of `length` elements. */      \
        void (*pad)(size_t planes, const real *source, size_t source_plane, real *target, size_t target_plane,    \
                    size_t rows, const ptrdiff_t *source_rows, const ptrdiff_t *target_rows, size_t length);      \
        /* sums[channel] of x[outer, channels, inner]; `scratch` for `channels` numbers. */                       \
        void (*channel_sum)(const real *x, size_t outer, size_t channels, size_t inner, double *scratch,          \
                            real *sums);                                                                         \
        /* One channel of a depthwise convolution's input gradient, added to dx. */                               \
        void (*depthwise_input)(const mk_window *window, const real *dy, const real *weights, real *dx);          \
        /* One image's addend to one channel's weight gradient; `sums` has eight numbers a tap. */                \
        void (*depthwise_weight)(const mk_window *window, const real *dy, const real *x, double *sums);           \
        /* dx of one plane: dy goes to the first greatest element under its window (the first NaN, if any). */    \
        void (*max_pool)(const mk_window *window, const real *x, const real *dy, real *dx);                       \
        /* dx of one plane: dy / (row_counts[oy] * column_counts[ox]) goes to each element of its window. */      \
        void (*average_pool)(const mk_window *window, const real *dy, const float *row_counts,                    \
                             const float *column_counts, real *dx);                                              \
        /* Mean and population variance of each channel of x[outer, channels, inner]. */                          \
        void (*moments)(const real *x, size_t outer, size_t channels, size_t inner, double *means,                \
                        double *variances);                                                                      \
        /* y = (x - mean) * factor + shift of the channel. */                                                     \
        void (*normalize)(const real *x, real *y, size_t outer, size_t channels, size_t inner, const real *means, \
                          const real *factors, const real *shifts);                                              \
        /* Sums of dy and of dy * (x - mean) for each channel. */                                                 \
        void (*normalization_sums)(const real *x, const real *dy, size_t outer, size_t channels, size_t inner,    \
                                   const real *means, double *flows, double *products);                          \
        /* dx = factor * (dy - flow - (x - mean) * slope) of the channel. */                                      \
        void (*normalization_input)(const real *x, const real *dy, real *dx, size_t outer, size_t channels,       \
                                    size_t inner, const real *means, const real *factors, const real *flows,     \
                                    const real *slopes);                                                         \
        /* y[i] = x[i] * scale where the i-th number of stream `key` is at least `threshold` of 2^32, else 0;     \
           mask[i] (NULL: none) whether it is. */                                                                \
        void (*dropout)(const real *x, real *y, uint8_t *mask, size_t count, uint64_t key, uint64_t threshold,    \
                        real scale);                                                                             \
        /* Steps of recurrent layers of n units. Rows whose `active` is 0 (NULL: none) keep their states and have   \
           gradients of zero. Functions are MK_GATE_SIGMOID, MK_GATE_TANH or MK_GATE_RELU. */                     \
        /* gates [rows, n]: arguments on entry, values after. */                                                 \
        void (*rnn_forward)(mk_gate_function f, size_t rows, size_t n, const uint8_t *active, real *gates,        \
                            const real *hidden, real *next_hidden);                                              \
        void (*rnn_backward)(mk_gate_function f, size_t rows, size_t n, const uint8_t *active, const real *gates, \
                             real *dhidden, real *dgates);                                                       \
        /* gates [rows, 4n] in the order input, output, forget, cell; `squashed` is h(next_state). */             \
        void (*lstm_forward)(const mk_gate_function *functions, size_t rows, size_t n, const uint8_t *active,     \
                             real *gates, const real *hidden, const real *state, real *next_hidden,              \
                             real *next_state, real *squashed);                                                  \
        void (*lstm_backward)(const mk_gate_function *functions, size_t rows, size_t n, const uint8_t *active,    \
                              const real *gates, const real *state, const real *squashed, real *dhidden,         \
                              real *dstate, real *dgates);                                                       \
        /* gates [rows, 3n] in the order update, reset, hidden; `extra` [rows, n] is the recurrent product that     \
           the reset gate scales (resets_after), or else reset * hidden, which gru_gates makes. */                \
        void (*gru_gates)(mk_gate_function f, int resets_after, size_t rows, size_t n, real *gates,               \
                          const real *hidden, real *extra);                                                      \
        void (*gru_forward)(mk_gate_function g, int resets_after, size_t rows, size_t n, const uint8_t *active,   \
                            real *gates, const real *hidden, const real *extra, real *next_hidden);              \
        /* dgates of update and hidden; with resets_after also of reset, and dextra. */                          \
        void (*gru_backward)(mk_gate_function f, mk_gate_function g, int resets_after, size_t rows, size_t n,      \
                             const uint8_t *active, const real *gates, const real *hidden, const real *extra,     \
                             real *dhidden, real *dgates, real *dextra);                                         \
        /* Without resets_after, once dextra is known: dgates of reset, and dhidden += dextra * reset. */         \
        void (*gru_backward_reset)(mk_gate_function f, size_t rows, size_t n, const real *gates,                   \
                                   const real *hidden, const real *dextra, real *dhidden, real *dgates);         \
    } type_name;

MK_GRADIENTS(mk_gradients_f32, float)
MK_GRADIENTS(mk_gradients_f64, double)

/// The functions of one instruction set, or NULL when this processor (or build) does not have it.
const mk_gradients_f32 *mk_gradients_f32_for(mk_instruction_set instruction_set);
const mk_gradients_f64 *mk_gradients_f64_for(mk_instruction_set instruction_set);
