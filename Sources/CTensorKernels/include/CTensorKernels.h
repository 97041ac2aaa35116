// The hot loops of the tensor engine, compiled once per instruction set and picked at run time.
//
// Every function keeps one promise: an output element's bits depend on the elements it is computed from and on
// nothing else: not on how many rows or columns there are, on its position among them, or on its neighbours.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    MK_BASELINE = 0,
    MK_AVX2 = 1,
    MK_AVX512 = 2,
} mk_instruction_set;

typedef enum {
    MK_NO_ACTIVATION = 0,
    MK_RAW,  // nothing at all, for a product that is no result: its NaNs may have any bits
    MK_RELU,
    MK_LEAKY_RELU,
    MK_CLIP,
} mk_activation;

/// What happens to a matrix product before it is stored: bias, then activation.
typedef struct {
    mk_activation activation;
    float alpha;               // slope of MK_LEAKY_RELU
    float lower, upper;        // bounds of MK_CLIP
    const float *column_bias;  // n elements or NULL
    const float *row_bias;     // m elements or NULL
} mk_epilogue;

typedef enum {
    MK_UNARY_RELU = 0,
    MK_UNARY_LEAKY_RELU,    // alpha: slope
    MK_UNARY_CLIP,          // alpha: lower, beta: upper
    MK_UNARY_ELU,           // alpha
    MK_UNARY_SELU,          // alpha, beta: gamma
    MK_UNARY_SIGMOID,
    MK_UNARY_TANH,
    MK_UNARY_SOFTPLUS,
    MK_UNARY_SOFTSIGN,
    MK_UNARY_HARD_SIGMOID,  // alpha, beta
    MK_UNARY_EXP,
    MK_UNARY_SQRT,
    MK_UNARY_NEGATE,
    MK_UNARY_ABS,
} mk_unary;

typedef enum {
    MK_ADD = 0,
    MK_SUBTRACT,
    MK_MULTIPLY,
    MK_DIVIDE,
} mk_binary;

/// A two-dimensional window sliding over one channel's plane.
typedef struct {
    size_t input_height, input_width;
    size_t output_height, output_width;
    size_t kernel_height, kernel_width;
    size_t stride_height, stride_width;
    size_t dilation_height, dilation_width;
    size_t pad_top, pad_left;
} mk_window;

/// The activation functions of recurrent cells (ONNX RNN, GRU, LSTM).
typedef enum {
    MK_GATE_SIGMOID = 0,
    MK_GATE_TANH,
    MK_GATE_RELU,
    MK_GATE_AFFINE,            // alpha * x + beta
    MK_GATE_LEAKY_RELU,        // alpha: slope
    MK_GATE_THRESHOLDED_RELU,  // x above alpha, 0 elsewhere
    MK_GATE_SCALED_TANH,       // alpha * tanh(beta * x)
    MK_GATE_HARD_SIGMOID,      // alpha, beta
    MK_GATE_ELU,               // alpha
    MK_GATE_SOFTSIGN,
    MK_GATE_SOFTPLUS,
} mk_gate_function;

typedef struct {
    mk_gate_function function;
    float alpha, beta;
} mk_gate;

/// What the rows of a recurrent layer share.
typedef struct {
    mk_gate f, g, h;
    float clip;              // bound of every activation's argument; infinity without one
    const float *peepholes;  // 3 * n elements (input, output, forget) or NULL
    int couples_gates;       // the forget gate is 1 - the input gate
} mk_recurrent_cell;

typedef struct {
    mk_instruction_set instruction_set;
    const char *name;
    /// Columns in one panel of a packed right operand.
    size_t panel_width;

    /// c[m, n] = epilogue(a[m, k] * b[k, n]); a and c row-major with row strides lda and ldc, b packed into panels
    /// of `panel_width` columns, each k rows of contiguous columns, the last padded. Each element is one chain of
    /// (fused, save in the baseline) multiply-adds over k = 0, 1, 2, ... whatever the tile it falls into.
    void (*gemm)(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *packed, float *c, size_t ldc,
                 const mk_epilogue *epilogue);
    /// c[m, n] = a[m, k] * b[k, n], all row-major and contiguous.
    void (*gemm_f64)(size_t m, size_t n, size_t k, const double *a, const double *b, double *c);

    void (*unary)(mk_unary operation, const float *input, float *output, size_t count, float alpha, float beta);

    /// output[i] = a[i * a_stride] op b[i * b_stride], strides 0 or 1.
    void (*binary_f32)(mk_binary operation, const float *a, size_t a_stride, const float *b, size_t b_stride,
                       float *output, size_t count);
    void (*binary_f64)(mk_binary operation, const double *a, size_t a_stride, const double *b, size_t b_stride,
                       double *output, size_t count);
    /// Integers wrap around; a quotient by zero is zero.
    void (*binary_i32)(mk_binary operation, const int32_t *a, size_t a_stride, const int32_t *b, size_t b_stride,
                       int32_t *output, size_t count);
    void (*binary_i64)(mk_binary operation, const int64_t *a, size_t a_stride, const int64_t *b, size_t b_stride,
                       int64_t *output, size_t count);

    /// output = input * scale[channel] + shift[channel] over [outer, channels, inner].
    void (*scale_shift)(const float *input, float *output, size_t outer, size_t channels, size_t inner,
                        const float *scale, const float *shift);
    /// Softmax of each contiguous row.
    void (*softmax)(const float *input, float *output, size_t rows, size_t length);
    /// The mean of each contiguous row, and the greatest element (NaN if any is).
    void (*row_mean)(const float *input, float *output, size_t rows, size_t length);
    void (*row_max)(const float *input, float *output, size_t rows, size_t length);

    /// One channel of a depthwise convolution.
    void (*depthwise)(const mk_window *window, const float *input, const float *weights, float bias, float *output);
    /// Greatest element under each window; NaN propagates; padding never wins.
    void (*max_pool)(const mk_window *window, const float *input, float *output);
    /// Sum under each window divided by row_counts[oy] * column_counts[ox].
    void (*average_pool)(const mk_window *window, const float *input, const float *row_counts,
                         const float *column_counts, float *output);

    /// Each row of input + residual (NULL: none) to mean 0 and variance 1, times scale, plus shift (NULL: none). The
    /// output may be the input or the residual.
    void (*layer_norm)(const float *input, const float *residual, float *output, size_t rows, size_t length,
                       const float *scale, const float *shift, float epsilon);
    /// GELU by the normal distribution, or by its tanh approximation.
    void (*gelu)(int approximates, const float *input, float *output, size_t count);
    /// Attention scores [rows, length] to weights, in place. Causal: row r sees the first `first_valid + r` keys. `mask`:
    /// `length` numbers, 0 for keys that nobody sees, or NULL.
    void (*attention_weights)(float *scores, size_t rows, size_t length, size_t first_valid, int is_causal, float scale,
                              const int64_t *mask);
    /// scores[i] = query . keys[i] over `width` numbers, and output += weights[i] * values[i]; rows are `stride` apart.
    /// Bits are those of `gemm` over the same numbers.
    void (*attention_scores)(const float *query, size_t width, const float *keys, size_t count, size_t stride,
                             float *scores);
    void (*attention_mix)(const float *weights, size_t count, const float *values, size_t stride, size_t width,
                          float *output);

    // One time step of `rows` rows of a recurrent layer of n units. `projected` has the input's product with its
    // weights, biases included, rows `stride` elements apart; the other arrays are contiguous.

    /// hidden = f(projected + product).
    void (*rnn_step)(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                     float *product, float *hidden);
    /// Gates in the order input, output, forget, cell; `product` [rows, 4n] is overwritten.
    void (*lstm_step)(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                      float *product, float *state, float *hidden);
    /// Gates in the order update, reset, hidden, the reset gate applied to the product [rows, 3n], overwritten.
    void (*gru_step)(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                     float *product, float *hidden);
    /// The first half of a step whose reset gate is applied to the state: `product` [rows, 2n] becomes the gates,
    /// `reset` [rows, n] reset gate * hidden.
    void (*gru_gates)(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                      float *product, const float *hidden, float *reset);
    /// The second half: `candidate` [rows, n] is the product of `reset`, overwritten.
    void (*gru_update)(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                       const float *gates, float *candidate, float *hidden);

    /// Each contiguous row of k numbers to integers from -127 to 127, widened to 16 bits, rows padded to an even k by
    /// zero, and scales: x = q * scale. A row with NaN or infinity has the scale NaN.
    void (*quantize_rows)(const float *x, size_t rows, size_t k, int16_t *quantized, float *scales);
    /// c[m, n] = epilogue((a * b) * a_scales[row] * b_scales[column]); a as quantize_rows leaves it, b as mk_pack_int8
    /// does with `lanes` panel_width / 2. Exact for k up to 2^31 / 127^2; no row bias.
    void (*gemm_int8)(size_t m, size_t n, size_t k, const int16_t *a, const float *a_scales, const int8_t *packed,
                      const float *b_scales, float *c, size_t ldc, const mk_epilogue *epilogue);

    // A convolution of 3 x 3 taps and strides of 1, by 16 products of [filters, channels] with [channels, tiles]. A
    // window's output is cut into tiles of 2 x 2 pixels.

    /// Transforms tiles [first, first + count) of one image into columns `column` and behind of 16 packed operands of
    /// `channels` rows, `position_stride` elements apart. Scratch: mk_winograd_scratch elements.
    void (*winograd_input)(const mk_window *window, const float *input, size_t channels, size_t first, size_t count,
                           size_t column, size_t position_stride, float *scratch, float *transformed);
    /// Turns the 16 products [filters, pitch], `position_stride` elements apart, whose first `count` columns are tiles from
    /// `first` on, into pixels of one image. Up to a panel's width behind a row's valid columns is read. No column bias.
    void (*winograd_output)(const mk_window *window, const float *products, size_t filters, size_t pitch,
                            size_t position_stride, size_t first, size_t count, const mk_epilogue *epilogue,
                            float *output);
} mk_kernels;

/// The kernels of one instruction set, or NULL when this processor (or build) does not have it.
const mk_kernels *mk_kernels_for(mk_instruction_set instruction_set);

/// Packs b[k, n], where b(i, j) = b[i * row_stride + j * column_stride], times `scale`, into zero-padded panels.
void mk_pack(const float *b, size_t row_stride, size_t column_stride, size_t k, size_t n, size_t panel_width,
             float scale, float *packed);

/// y[columns, rows] is x[rows, columns] transposed.
void mk_transpose(const float *x, size_t rows, size_t columns, float *y);

/// Packs b[n, k], row-major, into zero-padded panels of `lanes` rows, pairs along k next to each other.
void mk_pack_int8(const int8_t *b, size_t k, size_t n, size_t lanes, int8_t *packed);

typedef enum {
    MK_BRANCH_LEQ = 0,
    MK_BRANCH_LT,
    MK_BRANCH_GTE,
    MK_BRANCH_GT,
    MK_BRANCH_EQ,
    MK_BRANCH_NEQ,
} mk_branch;

typedef struct {
    double split;
    int32_t feature;
    int32_t yes, no;  // the next node, or ~leaf
    uint8_t mode;     // mk_branch
    uint8_t missing_tracks_true;
} mk_tree_node;

typedef enum { MK_TREES_SUM = 0, MK_TREES_MIN, MK_TREES_MAX } mk_tree_aggregation;

/// Trees whose every index has been checked: children come behind their parents, so that every walk ends.
typedef struct {
    const mk_tree_node *nodes;
    const int32_t *roots;  // a node, or ~leaf
    size_t tree_count;
    const int32_t *leaf_starts;  // where each leaf's entries begin, and one behind the last
    const int32_t *targets;
    const double *weights;
    size_t target_count;
    mk_tree_aggregation aggregation;
} mk_trees;

/// Adds the leaves that each row of x[rows, width] reaches to scores[rows, target_count].
void mk_trees_f32(const mk_trees *trees, const float *x, size_t rows, size_t width, float *scores);
void mk_trees_f64(const mk_trees *trees, const double *x, size_t rows, size_t width, double *scores);

/// A node of trees that all compare by "less or equal" and send missing values the other way; a leaf leads to itself.
typedef struct {
    float split;
    int32_t feature;
    int32_t yes, no;
    int32_t leaf;  // or -1
} mk_plain_node;

/// mk_trees_f32 of such trees; `depths` are the steps to each tree's farthest leaf.
void mk_plain_trees_f32(const mk_trees *trees, const mk_plain_node *nodes, const int32_t *roots, const int32_t *depths,
                        const float *x, size_t rows, size_t width, float *scores);

/// Packs columns [first, first + count) of the patch matrix [channels * kernel area, output pixels] of one image.
void mk_pack_patches(const mk_window *window, const float *input, size_t channels, size_t first, size_t count,
                     size_t panel_width, float *packed);

/// Columns of a panel, at most.
#define MK_MAXIMUM_PANEL 64

/// Copies the channels of one image into zeroed planes of `height` x `width`, the window's padding in front.
void mk_pad_planes(const mk_window *window, const float *input, size_t channels, size_t height, size_t width,
                   float *padded);

/// mk_pack_patches of planes that hold their padding, for strides of 1: every tap of every pixel lies inside.
void mk_pack_padded_patches(const mk_window *window, const float *padded, size_t channels, size_t height, size_t width,
                            size_t first, size_t count, size_t panel_width, float *packed);

/// The left operands [16, filters, channels] of weights [filters, channels, 3, 3].
void mk_winograd_weights(const float *weights, size_t filters, size_t channels, float *transformed);

/// Elements of scratch that several channels share: they stay in the first-level cache.
#define MK_WINOGRAD_SCRATCH 4096

/// Elements that winograd_input takes as scratch for up to `rows` rows of `across` tiles.
static inline size_t mk_winograd_scratch(size_t rows, size_t across) {
    const size_t channel = 8 * (rows + 1) * across + (2 * rows + 2) * (2 * across + 2);
    return (channel < MK_WINOGRAD_SCRATCH ? MK_WINOGRAD_SCRATCH : channel) + MK_MAXIMUM_PANEL;
}

/// Writes output[index] = input[sum(index * input_strides)] for every index of `extents`, elements of 1, 2, 4 or 8
/// bytes; strides in elements.
void mk_strided_copy(size_t element_size, size_t rank, const size_t *extents, const size_t *input_strides,
                     const void *input, void *output);

#include "CTensorKernelsGradient.h"
