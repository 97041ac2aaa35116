// Elementwise functions as plain C over exactly rounded operations (no contraction, no reassociation): the compiler's
// vector body and its scalar tail give the same bits, and so do all instruction sets.

INLINE float bits_to_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
INLINE uint32_t float_to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
INLINE float canonical(float x) { return x == x ? x : __builtin_nanf(""); }

// exp(r) - 1 on |r| <= ln(2)/2: r + r^2 * P(r), P the minimax-like polynomial of degree 5 whose coefficients start as
// 1/2, 1/6, ... (Cody & Waite's scheme).
INLINE float exp_reduced_minus_one(float r) {
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + r;
}

// Within 2 ulp; 0 below -104, infinity above 88.73.
INLINE float exp_element(float x) {
    float clamped = x > 89.0f ? 89.0f : x;
    clamped = clamped < -104.0f ? -104.0f : clamped;
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    const float shifted = clamped * 1.44269504088896341f + 12582912.0f;
    const float n = shifted - 12582912.0f;
    const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
    const float y = exp_reduced_minus_one(r) + 1.0f;
    // 2^n in two factors, so that subnormal results and n = 128 come out right; unsigned, as NaN lands here too.
    const uint32_t exponent = float_to_bits(shifted) - 0x4B400000u;
    const uint32_t biased = exponent + 254u;
    const uint32_t half = biased >> 1;
    const float result = y * bits_to_float((half & 0xFFu) << 23) * bits_to_float(((biased - half) & 0xFFu) << 23);
    return x == x ? result : __builtin_nanf("");
}

// Within 4 ulp, also near zero.
INLINE float exp_minus_one_element(float x) {
    const float small = x > -0.34657359f && x < 0.34657359f ? x : 0.0f;
    const float near = exp_reduced_minus_one(small);
    const float far = exp_element(x) - 1.0f;
    return x > -0.34657359f && x < 0.34657359f ? near : far;
}

INLINE float sigmoid_element(float x) {
    const float magnitude = __builtin_fabsf(x);
    const float z = exp_element(-magnitude);
    const float numerator = x >= 0 ? 1.0f : z;
    return numerator / (1.0f + z);
}

// Within 4 ulp: an odd polynomial below 0.625, 1 - 2 / (exp(2x) + 1) above.
INLINE float tanh_element(float x) {
    const float magnitude = __builtin_fabsf(x);
    const float s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    const float near = p * s * x + x;
    const float far = 1.0f - 2.0f / (exp_element(2.0f * magnitude) + 1.0f);
    const float signed_far = x < 0 ? -far : far;
    return magnitude < 0.625f ? near : (x == x ? signed_far : x);
}

// max(x, 0) + log(1 + exp(-|x|)); the logarithm as 2 atanh(z / (2 + z)), a series in s^2 <= 1/9 in double precision.
INLINE float softplus_element(float x) {
    const float z = exp_element(-__builtin_fabsf(x));
    const double s = (double)z / (2.0 + (double)z);
    const double t = s * s;
    double p = 1.0 / 19.0;
    p = p * t + 1.0 / 17.0;
    p = p * t + 1.0 / 15.0;
    p = p * t + 1.0 / 13.0;
    p = p * t + 1.0 / 11.0;
    p = p * t + 1.0 / 9.0;
    p = p * t + 1.0 / 7.0;
    p = p * t + 1.0 / 5.0;
    p = p * t + 1.0 / 3.0;
    p = p * t + 1.0;
    const double positive = x > 0 ? (double)x : 0.0;
    const float result = (float)(positive + 2.0 * s * p);
    return x == x ? result : x;
}

// Output may be the very input: each iteration reads its elements before it writes them.
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")

#define EACH(expression)                           \
    INDEPENDENT                                    \
    for (size_t i = 0; i < count; i++) {           \
        const float x = input[i];                  \
        output[i] = (expression);                  \
    }                                              \
    break

static void unary(mk_unary operation, const float *input, float *output, size_t count, float alpha, float beta) {
    switch (operation) {
    case MK_UNARY_RELU: EACH(x < 0 ? 0.0f : x);
    case MK_UNARY_LEAKY_RELU: EACH(x < 0 ? x * alpha : x);
    case MK_UNARY_CLIP: EACH((x < alpha ? alpha : x) > beta ? beta : (x < alpha ? alpha : x));
    case MK_UNARY_ELU: EACH(x < 0 ? alpha * exp_minus_one_element(x) : x);
    case MK_UNARY_SELU: EACH(beta * (x > 0 ? x : alpha * exp_minus_one_element(x)));
    case MK_UNARY_SIGMOID: EACH(sigmoid_element(x));
    case MK_UNARY_TANH: EACH(tanh_element(x));
    case MK_UNARY_SOFTPLUS: EACH(softplus_element(x));
    case MK_UNARY_SOFTSIGN: EACH(x / (1.0f + __builtin_fabsf(x)));
    case MK_UNARY_HARD_SIGMOID: {
        INDEPENDENT
        for (size_t i = 0; i < count; i++) {
            const float y = input[i] * alpha + beta;
            const float raised = y < 0 ? 0.0f : y;
            output[i] = raised > 1 ? 1.0f : raised;
        }
        break;
    }
    case MK_UNARY_EXP: EACH(exp_element(x));
    case MK_UNARY_SQRT: EACH(__builtin_sqrtf(x));
    case MK_UNARY_NEGATE: EACH(-x);
    case MK_UNARY_ABS: EACH(__builtin_fabsf(x));
    }
}
#undef EACH

#define LOOP(expression)                              \
    INDEPENDENT                                       \
    for (size_t i = 0; i < count; i++) {              \
        output[i] = (expression);                     \
    }

// The three stride patterns apart, so that each vectorises.
#define STRIDED(function)                                                   \
    if (a_stride && b_stride) { LOOP(function(a[i], b[i])) }                \
    else if (a_stride) { const __typeof__(*b) y = *b; LOOP(function(a[i], y)) } \
    else if (b_stride) { const __typeof__(*a) x = *a; LOOP(function(x, b[i])) } \
    else { const __typeof__(*a) x = *a; const __typeof__(*b) y = *b; LOOP(function(x, y)) } \
    break

#define NUMBER_OR_NAN(x, nan) ((x) == (x) ? (x) : (nan))
#define BINARY(suffix, type)                                                                                   \
    INLINE type add_##suffix(type x, type y) { return WRAP_##suffix(x, +, y); }                                \
    INLINE type subtract_##suffix(type x, type y) { return WRAP_##suffix(x, -, y); }                           \
    INLINE type multiply_##suffix(type x, type y) { return WRAP_##suffix(x, *, y); }                           \
    INLINE type divide_##suffix(type x, type y) { return QUOTIENT_##suffix(x, y); }                            \
    static void binary_##suffix(mk_binary operation, const type *a, size_t a_stride, const type *b,            \
                                size_t b_stride, type *output, size_t count) {                                 \
        switch (operation) {                                                                                   \
        case MK_ADD: STRIDED(add_##suffix);                                                                    \
        case MK_SUBTRACT: STRIDED(subtract_##suffix);                                                          \
        case MK_MULTIPLY: STRIDED(multiply_##suffix);                                                          \
        case MK_DIVIDE: STRIDED(divide_##suffix);                                                              \
        }                                                                                                      \
    }

#define WRAP_f32(x, op, y) canonical((x)op(y))
#define QUOTIENT_f32(x, y) canonical((x) / (y))
#define WRAP_f64(x, op, y) NUMBER_OR_NAN((x)op(y), __builtin_nan(""))
#define QUOTIENT_f64(x, y) NUMBER_OR_NAN((x) / (y), __builtin_nan(""))
#define WRAP_i32(x, op, y) (int32_t)((uint32_t)(x)op(uint32_t)(y))
#define QUOTIENT_i32(x, y) ((y) == 0 ? 0 : (y) == -1 ? (int32_t)(0u - (uint32_t)(x)) : (x) / (y))
#define WRAP_i64(x, op, y) (int64_t)((uint64_t)(x)op(uint64_t)(y))
#define QUOTIENT_i64(x, y) ((y) == 0 ? 0 : (y) == -1 ? (int64_t)(0ull - (uint64_t)(x)) : (x) / (y))

BINARY(f32, float)
BINARY(f64, double)
BINARY(i32, int32_t)
BINARY(i64, int64_t)

static void scale_shift(const float *input, float *output, size_t outer, size_t channels, size_t inner,
                        const float *scale, const float *shift) {
    for (size_t o = 0; o < outer; o++) {
        if (inner == 1) {
            INDEPENDENT
            for (size_t c = 0; c < channels; c++) output[c] = canonical(input[c] * scale[c] + shift[c]);
        } else {
            for (size_t c = 0; c < channels; c++) {
                const float s = scale[c], t = shift[c];
                INDEPENDENT
                for (size_t i = 0; i < inner; i++) output[c * inner + i] = canonical(input[c * inner + i] * s + t);
            }
        }
        input += channels * inner;
        output += channels * inner;
    }
}
