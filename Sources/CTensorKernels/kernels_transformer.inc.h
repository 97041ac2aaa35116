// What transformers add: layer normalization, GELU, and the two halves of attention that are not a matrix product.

// Each row of `input` (plus `residual`, if there is one) to mean 0 and variance 1, then scaled and shifted.
static void layer_norm(const float *input, const float *residual, float *output, size_t rows, size_t length,
                       const float *scale, const float *shift, float epsilon) {
    for (size_t r = 0; r < rows; r++, input += length, output += length) {
        if (residual) {
            INDEPENDENT
            for (size_t i = 0; i < length; i++) output[i] = input[i] + residual[i];
            residual += length;
        } else if (output != input) {
            memcpy(output, input, length * sizeof(float));
        }
        const float mean = total(output, length) / (float)length;
        float lanes[REDUCTION_LANES] = {0};
        size_t i = 0;
        for (; i + REDUCTION_LANES <= length; i += REDUCTION_LANES)
            for (int j = 0; j < REDUCTION_LANES; j++) {
                const float centred = output[i + j] - mean;
                lanes[j] += centred * centred;
            }
        for (size_t j = 0; i + j < length; j++) {
            const float centred = output[i + j] - mean;
            lanes[j] += centred * centred;
        }
        const float variance = fold_sum(lanes) / (float)length;
        const float factor = 1.0f / __builtin_sqrtf(variance + epsilon);
        if (shift) {
            INDEPENDENT
            for (size_t k = 0; k < length; k++)
                output[k] = canonical((output[k] - mean) * factor * scale[k] + shift[k]);
        } else {
            INDEPENDENT
            for (size_t k = 0; k < length; k++) output[k] = canonical((output[k] - mean) * factor * scale[k]);
        }
    }
}

// x * P(X <= x) for a standard normal X. The tail P(X > a) is exp(-a^2 / 2) * W(a); W, half the scaled complementary error
// function at a / sqrt(2), is a polynomial in t = 1 / (1 + 0.3 a), fitted for the least relative error on [0, 14.5]. Both
// signs go through the tail, so that the result for x < 0 does not cancel.
INLINE float gelu_element(float x) {
    // The tail is 0 from 14.5 on; no infinity meets it.
    const float a = __builtin_fabsf(x) > 16.0f ? 16.0f : __builtin_fabsf(x);
    const float t = 1.0f / (1.0f + 0.3f * a);
    float p = -0.0206241912f;
    p = p * t + 0.112439259f;
    p = p * t - 0.228221514f;
    p = p * t + 0.191794198f;
    p = p * t - 0.0794307764f;
    p = p * t + 0.0961603342f;
    p = p * t + 0.078388582f;
    p = p * t + 0.110235623f;
    p = p * t + 0.119571794f;
    p = p * t + 0.119686691f;
    const float tail = p * t * exp_element(-0.5f * a * a);
    return canonical(x < 0 ? -a * tail : x - a * tail);
}

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which is x * sigmoid of twice the argument.
INLINE float gelu_tanh_element(float x) {
    const float u = 1.5957691216f * (x + 0.044715f * x * x * x);
    return canonical(x * sigmoid_element(u));
}

static void gelu(int approximates, const float *input, float *output, size_t count) {
    if (approximates) {
        INDEPENDENT
        for (size_t i = 0; i < count; i++) output[i] = gelu_tanh_element(input[i]);
    } else {
        INDEPENDENT
        for (size_t i = 0; i < count; i++) output[i] = gelu_element(input[i]);
    }
}

// Scores to weights, in place: scaled, masked, exponentials divided by their sum. Masked keys weigh exactly 0, so that
// padding changes no bit of the other rows; a query without any key gets zeros.
static void attention_weights(float *scores, size_t rows, size_t length, size_t first_valid, int is_causal, float scale,
                              const int64_t *mask) {
    for (size_t r = 0; r < rows; r++, scores += length) {
        size_t valid = is_causal && first_valid + r < length ? first_valid + r : length;
        size_t seen = valid;
        if (mask) {
            seen = 0;
            for (size_t i = 0; i < valid; i++) {
                seen += mask[i] != 0;
                scores[i] = mask[i] != 0 ? scores[i] * scale : -__builtin_inff();
            }
        } else {
            INDEPENDENT
            for (size_t i = 0; i < valid; i++) scores[i] *= scale;
        }
        if (seen == 0) valid = 0;
        const float top = greatest(scores, valid);
        INDEPENDENT
        for (size_t i = 0; i < valid; i++) scores[i] = exp_element(scores[i] - top);
        const float sum = total(scores, valid);
        INDEPENDENT
        for (size_t i = 0; i < valid; i++) scores[i] = canonical(scores[i] / sum);
        for (size_t i = valid; i < length; i++) scores[i] = 0;
    }
}

// scores[i] = query . keys[i]: for each key the same chain of multiply-adds as in a packed product.
static void attention_scores(const float *query, size_t width, const float *keys, size_t count, size_t stride,
                             float *scores) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const float *block = keys + i * stride;
        vf sum = {};
        for (size_t d = 0; d < width; d++) {
            float column[LANES];
#pragma clang loop unroll(full)
            for (int j = 0; j < LANES; j++) column[j] = block[(size_t)j * stride + d];
            sum = MULTIPLY_ADD(splat(query[d]), load(column), sum);
        }
        store(scores + i, sum);
    }
    for (; i < count; i++) {
        vf sum = {};
        for (size_t d = 0; d < width; d++) sum = MULTIPLY_ADD(splat(query[d]), splat(keys[i * stride + d]), sum);
        scores[i] = sum[0];
    }
}

// output += sum of weights[i] * values[i], one chain of multiply-adds for each column.
static void attention_mix(const float *weights, size_t count, const float *values, size_t stride, size_t width,
                          float *output) {
    for (size_t first = 0; first < width; first += LANES) {
        const size_t valid = width - first < LANES ? width - first : LANES;
        float buffer[LANES] = {0};
        memcpy(buffer, output + first, valid * sizeof(float));
        vf sum = load(buffer);
        for (size_t i = 0; i < count; i++) {
            const float *row = values + i * stride + first;
            vf x;
            if (valid == LANES) {
                x = load(row);
            } else {
                float rest[LANES] = {0};
                memcpy(rest, row, valid * sizeof(float));
                x = load(rest);
            }
            sum = MULTIPLY_ADD(splat(weights[i]), x, sum);
        }
        store(buffer, sum);
        memcpy(output + first, buffer, valid * sizeof(float));
    }
}
