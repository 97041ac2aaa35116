// Integer quotients have no vector instruction: that a loop over them stays scalar is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

#include "kernels_gemm.inc.h"
#include "kernels_elementwise.inc.h"
#include "kernels_rows.inc.h"
#include "kernels_transformer.inc.h"
#include "kernels_recurrent.inc.h"
#include "kernels_int8.inc.h"
#include "kernels_winograd.inc.h"
#include "kernels_gradient.inc.h"

#define TABLE(set, label)                                                                                        \
    {                                                                                                            \
        .instruction_set = set, .name = label, .panel_width = PANEL, .gemm = gemm, .gemm_f64 = gemm_f64,         \
        .unary = unary, .binary_f32 = binary_f32, .binary_f64 = binary_f64, .binary_i32 = binary_i32,            \
        .binary_i64 = binary_i64, .scale_shift = scale_shift, .softmax = softmax, .row_mean = row_mean,          \
        .row_max = row_max, .depthwise = depthwise, .max_pool = max_pool, .average_pool = average_pool,          \
        .layer_norm = layer_norm, .gelu = gelu, .attention_weights = attention_weights,                          \
        .attention_scores = attention_scores, .attention_mix = attention_mix,                                    \
        .rnn_step = rnn_step, .lstm_step = lstm_step, .gru_step = gru_step, .gru_gates = gru_gates,               \
        .gru_update = gru_update, .quantize_rows = quantize_rows, .gemm_int8 = gemm_int8,                          \
        .winograd_input = winograd_input, .winograd_output = winograd_output,                                    \
    }
