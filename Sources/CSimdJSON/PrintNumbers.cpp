#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "CSimdJSON.h"
#include "HalfPrecision.hpp"

namespace {

/// A cursor that refuses to pass the end.
struct Output {
    char *next;
    char *const end;
    bool overflowed = false;

    void put(char byte) noexcept {
        if (next == end) {
            overflowed = true;
        } else {
            *next++ = byte;
        }
    }

    void put(const char *text) noexcept {
        while (*text != '\0') put(*text++);
    }
};

template <class Real>
void print_real(Real value, Output &output) noexcept {
    if (std::isnan(value)) return output.put("\"NaN\"");
    if (std::isinf(value)) return output.put(value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    char *const start = output.next;
    const auto [end, error] = std::to_chars(start, output.end, value);
    if (error != std::errc()) {
        output.overflowed = true;
        return;
    }
    output.next = end;
    // A real stays recognisable as one, for readers that tell 1 from 1.0.
    for (const char *byte = start; byte != end; ++byte) {
        if (*byte == '.' || *byte == 'e') return;
    }
    output.put(".0");
}

/// Readers of JSON parse doubles and round again. Of all float32 numbers one (and its negative) comes back as its
/// neighbour that way: its shortest text, 7.038531e-26, reads as a double half-way between the two. It gets a digit more.
void print(float value, Output &output) noexcept {
    if (std::fabs(value) != 0x1.5c87fap-84f) return print_real(value, output);
    output.put(value < 0 ? "-7.0385307e-26" : "7.0385307e-26");
}

void print(double value, Output &output) noexcept { print_real(value, output); }
void print(csj::float16 value, Output &output) noexcept { print_real(csj::widen(value), output); }
void print(csj::bfloat16 value, Output &output) noexcept { print_real(csj::widen(value), output); }
void print(bool value, Output &output) noexcept { output.put(value ? "true" : "false"); }

template <class Integer>
void print(Integer value, Output &output) noexcept {
    const auto [end, error] = std::to_chars(output.next, output.end, value);
    if (error != std::errc()) {
        output.overflowed = true;
    } else {
        output.next = end;
    }
}

template <class Number>
size_t print_all(const void *numbers, size_t count, char *text, size_t capacity) noexcept {
    const auto *next = static_cast<const Number *>(numbers);
    Output output{text, text + capacity};
    output.put('[');
    for (size_t index = 0; index < count && !output.overflowed; ++index) {
        if (index > 0) output.put(',');
        print(next[index], output);
    }
    output.put(']');
    return output.overflowed ? 0 : static_cast<size_t>(output.next - text);
}

/// The longest text of one number.
size_t longest(csj_number type) noexcept {
    switch (type) {
        case csj_number_bool: return 5;
        case csj_number_uint8: return 3;
        case csj_number_int8: return 4;
        case csj_number_uint16: return 5;
        case csj_number_int16: return 6;
        case csj_number_uint32: return 10;
        case csj_number_int32: return 11;
        case csj_number_uint64: return 20;
        case csj_number_int64: return 20;
        // -1.17549435e-38 is 15 long, "-Infinity" with its quotes 11.
        case csj_number_float16:
        case csj_number_bfloat16:
        case csj_number_float32: return 18;
        // -2.2250738585072014e-308 is 24 long.
        case csj_number_float64: return 26;
    }
    return 26;
}

}  // namespace

extern "C" size_t csj_print_capacity(csj_number type, size_t count) noexcept {
    const size_t each = longest(type) + 1;
    return count > (SIZE_MAX - 2) / each ? SIZE_MAX : count * each + 2;
}

extern "C" size_t csj_print_numbers(
    csj_number type, const void *numbers, size_t count, char *text, size_t capacity) noexcept {
    switch (type) {
        case csj_number_bool: return print_all<bool>(numbers, count, text, capacity);
        case csj_number_uint8: return print_all<uint8_t>(numbers, count, text, capacity);
        case csj_number_uint16: return print_all<uint16_t>(numbers, count, text, capacity);
        case csj_number_uint32: return print_all<uint32_t>(numbers, count, text, capacity);
        case csj_number_uint64: return print_all<uint64_t>(numbers, count, text, capacity);
        case csj_number_int8: return print_all<int8_t>(numbers, count, text, capacity);
        case csj_number_int16: return print_all<int16_t>(numbers, count, text, capacity);
        case csj_number_int32: return print_all<int32_t>(numbers, count, text, capacity);
        case csj_number_int64: return print_all<int64_t>(numbers, count, text, capacity);
        case csj_number_float16: return print_all<csj::float16>(numbers, count, text, capacity);
        case csj_number_bfloat16: return print_all<csj::bfloat16>(numbers, count, text, capacity);
        case csj_number_float32: return print_all<float>(numbers, count, text, capacity);
        case csj_number_float64: return print_all<double>(numbers, count, text, capacity);
    }
    return 0;
}
