// What training needs beside the forward kernels, in float and in double by one text.
typedef double vd __attribute__((vector_size(VECTOR_BYTES)));
typedef float quad __attribute__((vector_size(16)));

INLINE double sigmoid_double(double x) { return 1.0 / (1.0 + exp(-x)); }

// Rows of a packed operand that stay in cache while all rows of the left operand pass them.
enum { PRODUCT_BLOCK = 256 };

#define REAL float
#define VECTOR vf
#define WIDTH ((size_t)LANES)
#define TYPED(name) name##_f32
#define SIGMOID(x) sigmoid_element(x)
#define TANH(x) tanh_element(x)
#define HAS_QUADS 1
#include "kernels_gradient_products.inc.h"
#include "kernels_gradient_windows.inc.h"
#include "kernels_gradient_statistics.inc.h"
#include "kernels_gradient_recurrent.inc.h"
#undef REAL
#undef VECTOR
#undef WIDTH
#undef TYPED
#undef SIGMOID
#undef TANH
#undef HAS_QUADS

#define REAL double
#define VECTOR vd
#define WIDTH ((size_t)(VECTOR_BYTES / 8))
#define TYPED(name) name##_f64
#define SIGMOID(x) sigmoid_double(x)
#define TANH(x) tanh(x)
#define HAS_QUADS 0
#include "kernels_gradient_products.inc.h"
#include "kernels_gradient_windows.inc.h"
#include "kernels_gradient_statistics.inc.h"
#include "kernels_gradient_recurrent.inc.h"
#undef REAL
#undef VECTOR
#undef WIDTH
#undef TYPED
#undef SIGMOID
#undef TANH
#undef HAS_QUADS

#define GRADIENT_TABLE(suffix, lane_count)                                                                       \
    {                                                                                                            \
        .lanes = lane_count, .product = gradient_product_##suffix, .pack = gradient_pack_##suffix,               \
        .pack_gathered = gradient_pack_gathered_##suffix, .unpack = gradient_unpack_##suffix,                     \
        .pad = gradient_pad_##suffix, .channel_sum = channel_sum_##suffix,                                       \
        .depthwise_input = depthwise_input_##suffix, .depthwise_weight = depthwise_weight_##suffix,              \
        .max_pool = max_pool_gradient_##suffix, .average_pool = average_pool_gradient_##suffix,                  \
        .moments = moments_##suffix, .normalize = normalize_##suffix,                                            \
        .normalization_sums = normalization_sums_##suffix, .normalization_input = normalization_input_##suffix,  \
        .dropout = dropout_##suffix, .rnn_forward = rnn_forward_##suffix, .rnn_backward = rnn_backward_##suffix, \
        .lstm_forward = lstm_forward_##suffix, .lstm_backward = lstm_backward_##suffix,                          \
        .gru_gates = gru_gates_##suffix, .gru_forward = gru_forward_##suffix,                                    \
        .gru_backward = gru_backward_##suffix, .gru_backward_reset = gru_backward_reset_##suffix,                \
    }
