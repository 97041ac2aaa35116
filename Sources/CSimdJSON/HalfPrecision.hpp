// Conversions of the 16-bit floating-point formats, in integer arithmetic: no compiler support library is needed and a
// double is rounded once.
#pragma once

#include <cstdint>
#include <cstring>

namespace csj {

struct float16 {
    static constexpr int exponent_bits = 5, fraction_bits = 10;
    uint16_t bits;
};

struct bfloat16 {
    static constexpr int exponent_bits = 8, fraction_bits = 7;
    uint16_t bits;
};

/// Rounds a finite double or an infinity to nearest even; NaN stays NaN. Overflow gives an infinity.
template <class Half>
inline Half narrow(double value) noexcept {
    constexpr int fraction_bits = Half::fraction_bits;
    constexpr int bias = (1 << (Half::exponent_bits - 1)) - 1;
    constexpr uint16_t infinity = ((1u << Half::exponent_bits) - 1) << fraction_bits;

    uint64_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    const uint16_t sign = static_cast<uint16_t>((bits >> 63) << 15);
    const int exponent = static_cast<int>((bits >> 52) & 0x7FF);
    const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
    if (exponent == 0x7FF) {
        const uint16_t quiet = fraction != 0 ? uint16_t{1} << (fraction_bits - 1) : 0;
        return Half{static_cast<uint16_t>(sign | infinity | quiet)};
    }
    // Double subnormals lie far below half of the smallest subnormal here.
    if (exponent == 0) return Half{sign};

    int biased = exponent - 1023 + bias;
    uint64_t significand = fraction | (uint64_t{1} << 52);
    int shift = 52 - fraction_bits;
    if (biased <= 0) {
        shift += 1 - biased;
        if (shift > 54) return Half{sign};
        biased = 0;
    } else {
        significand &= (uint64_t{1} << 52) - 1;
    }
    uint64_t result = (static_cast<uint64_t>(biased) << fraction_bits) + (significand >> shift);
    const uint64_t rest = significand & ((uint64_t{1} << shift) - 1);
    const uint64_t half = uint64_t{1} << (shift - 1);
    // A carry out of the fraction lands in the exponent, which is what rounding up to the next binade means.
    if (rest > half || (rest == half && (result & 1) != 0)) result += 1;
    if (result > infinity) result = infinity;
    return Half{static_cast<uint16_t>(sign | result)};
}

template <class Half>
inline bool is_infinite(Half value) noexcept {
    constexpr uint16_t infinity = ((1u << Half::exponent_bits) - 1) << Half::fraction_bits;
    return (value.bits & 0x7FFF) == infinity;
}

inline float widen(bfloat16 value) noexcept {
    const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof(result));
    return result;
}

inline float widen(float16 value) noexcept {
    const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16;
    const uint32_t exponent = (value.bits >> 10) & 0x1F;
    const uint32_t fraction = value.bits & 0x3FF;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    const uint32_t wide = exponent == 0x1F ? 0xFF : exponent + 127 - 15;
    const uint32_t bits = sign | (wide << 23) | (fraction << 13);
    float result;
    std::memcpy(&result, &bits, sizeof(result));
    return result;
}

}  // namespace csj
