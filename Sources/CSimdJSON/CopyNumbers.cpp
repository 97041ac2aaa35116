#include <cmath>
#include <limits>

#include "Element.hpp"
#include "HalfPrecision.hpp"

using namespace simdjson;
using csj::unwrap;
using csj::wrap;
using dom::element_type;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity_value = std::numeric_limits<double>::infinity();

/// The strings that stand for the numbers that JSON cannot write.
bool special(dom::element element, double &value) noexcept {
    const std::string_view text = element.get_string().value_unsafe();
    if (text == "NaN") {
        value = nan_value;
    } else if (text == "Infinity") {
        value = infinity_value;
    } else if (text == "-Infinity") {
        value = -infinity_value;
    } else {
        return false;
    }
    return true;
}

csj_copy_reason narrow(double value, double &out) noexcept {
    out = value;
    return csj_copy_ok;
}

csj_copy_reason narrow(double value, float &out) noexcept {
    out = static_cast<float>(value);
    return std::isinf(out) && !std::isinf(value) ? csj_copy_out_of_range : csj_copy_ok;
}

template <class Half>
csj_copy_reason narrow(double value, Half &out) noexcept {
    out = csj::narrow<Half>(value);
    return csj::is_infinite(out) && !std::isinf(value) ? csj_copy_out_of_range : csj_copy_ok;
}

// An integer goes to float32 and float64 in one rounding. The 16-bit formats round the nearest double: a 64-bit
// integer of more than 53 bits overflows float16, and bfloat16 is so coarse that only exact ties could differ.
template <class Integer>
csj_copy_reason from_integer(Integer value, double &out) noexcept {
    out = static_cast<double>(value);
    return csj_copy_ok;
}

template <class Integer>
csj_copy_reason from_integer(Integer value, float &out) noexcept {
    out = static_cast<float>(value);
    return csj_copy_ok;
}

template <class Integer, class Half>
csj_copy_reason from_integer(Integer value, Half &out) noexcept {
    return narrow(static_cast<double>(value), out);
}

/// Floating-point targets.
template <class Number>
csj_copy_reason convert(dom::element element, Number &out, std::false_type) noexcept {
    switch (element.type()) {
        case element_type::DOUBLE: return narrow(element.get_double().value_unsafe(), out);
        case element_type::INT64: return from_integer(element.get_int64().value_unsafe(), out);
        case element_type::UINT64: return from_integer(element.get_uint64().value_unsafe(), out);
        case element_type::STRING: {
            double value;
            return special(element, value) ? narrow(value, out) : csj_copy_wrong_type;
        }
        default: return csj_copy_wrong_type;
    }
}

/// Integer targets.
template <class Number>
csj_copy_reason convert(dom::element element, Number &out, std::true_type) noexcept {
    using Limits = std::numeric_limits<Number>;
    int64_t value;
    switch (element.type()) {
        case element_type::INT64: value = element.get_int64().value_unsafe(); break;
        case element_type::UINT64:
            if (!std::is_same<Number, uint64_t>::value) return csj_copy_out_of_range;
            out = static_cast<Number>(element.get_uint64().value_unsafe());
            return csj_copy_ok;
        case element_type::DOUBLE: {
            // 3.0 is an integer, as in JSON Schema; beyond 2^53 a double no longer says which.
            const double real = element.get_double().value_unsafe();
            if (real != std::trunc(real)) return csj_copy_fraction;
            if (std::fabs(real) > 0x1p53) return csj_copy_out_of_range;
            value = static_cast<int64_t>(real);
            break;
        }
        default: return csj_copy_wrong_type;
    }
    if (std::is_unsigned<Number>::value) {
        if (value < 0 || static_cast<uint64_t>(value) > static_cast<uint64_t>(Limits::max()))
            return csj_copy_out_of_range;
    } else if (value < static_cast<int64_t>(Limits::min()) || value > static_cast<int64_t>(Limits::max())) {
        return csj_copy_out_of_range;
    }
    out = static_cast<Number>(value);
    return csj_copy_ok;
}

template <class Number>
csj_copy_reason convert(dom::element element, Number &out) noexcept {
    return convert(element, out, std::is_integral<Number>());
}

csj_copy_reason convert(dom::element element, bool &out) noexcept {
    if (element.type() == element_type::BOOL) {
        out = element.get_bool().value_unsafe();
        return csj_copy_ok;
    }
    if (element.type() != element_type::INT64) return csj_copy_wrong_type;
    const int64_t value = element.get_int64().value_unsafe();
    out = value == 1;
    return value == 0 || value == 1 ? csj_copy_ok : csj_copy_out_of_range;
}

template <class Number>
struct Copier {
    const size_t *shape;
    size_t rank;
    Number *next;
    csj_copy_result result = {};

    csj_copy_reason fail(csj_copy_reason reason, size_t depth, dom::element element) noexcept {
        result.depth = depth;
        result.element = wrap(element);
        return reason;
    }

    csj_copy_reason fail_count(size_t depth, size_t found, size_t expected) noexcept {
        result.depth = depth;
        result.found = found;
        result.expected = expected;
        return csj_copy_wrong_count;
    }

    /// Numbers only; `depth` arrays enclose them.
    csj_copy_reason row(dom::array array, size_t count, size_t depth) noexcept {
        size_t index = 0;
        for (const dom::element element : array) {
            if (index < count) {
                if (const csj_copy_reason reason = convert(element, *next)) {
                    result.path[depth] = index;
                    return fail(reason, depth + 1, element);
                }
                ++next;
            }
            ++index;
        }
        return index == count ? csj_copy_ok : fail_count(depth, index, count);
    }

    csj_copy_reason nested(dom::array array, size_t axis) noexcept {
        if (axis + 1 == rank) return row(array, shape[axis], axis);
        size_t index = 0;
        for (const dom::element element : array) {
            if (index < shape[axis]) {
                result.path[axis] = index;
                dom::array inner;
                if (element.get_array().get(inner) != SUCCESS) return fail(csj_copy_wrong_type, axis + 1, element);
                if (const csj_copy_reason reason = nested(inner, axis + 1)) return reason;
            }
            ++index;
        }
        return index == shape[axis] ? csj_copy_ok : fail_count(axis, index, shape[axis]);
    }

    csj_copy_reason copy(dom::element data) noexcept {
        size_t count = 1;
        for (size_t axis = 0; axis < rank; ++axis) count *= shape[axis];
        dom::array array;
        if (data.get_array().get(array) != SUCCESS) {
            if (rank > 0) return fail(csj_copy_wrong_type, 0, data);
            const csj_copy_reason reason = convert(data, *next);
            return reason ? fail(reason, 0, data) : csj_copy_ok;
        }
        const auto first = array.begin();
        const bool is_nested = rank > 1 && first != array.end() && (*first).is_array();
        return is_nested ? nested(array, 0) : row(array, count, 0);
    }
};

template <class Number>
csj_copy_result copy(dom::element data, const size_t *shape, size_t rank, void *buffer) noexcept {
    Copier<Number> copier{shape, rank, static_cast<Number *>(buffer)};
    copier.result.reason = copier.copy(data);
    return copier.result;
}

}  // namespace

extern "C" csj_copy_result csj_copy_numbers(
    csj_element handle, csj_number type, const size_t *shape, size_t rank, void *buffer) noexcept {
    const dom::element data = unwrap(handle);
    if (rank > CSJ_MAXIMUM_RANK) {
        csj_copy_result result = {};
        result.reason = csj_copy_rank;
        result.element = handle;
        return result;
    }
    switch (type) {
        case csj_number_bool: return copy<bool>(data, shape, rank, buffer);
        case csj_number_uint8: return copy<uint8_t>(data, shape, rank, buffer);
        case csj_number_uint16: return copy<uint16_t>(data, shape, rank, buffer);
        case csj_number_uint32: return copy<uint32_t>(data, shape, rank, buffer);
        case csj_number_uint64: return copy<uint64_t>(data, shape, rank, buffer);
        case csj_number_int8: return copy<int8_t>(data, shape, rank, buffer);
        case csj_number_int16: return copy<int16_t>(data, shape, rank, buffer);
        case csj_number_int32: return copy<int32_t>(data, shape, rank, buffer);
        case csj_number_int64: return copy<int64_t>(data, shape, rank, buffer);
        case csj_number_float16: return copy<csj::float16>(data, shape, rank, buffer);
        case csj_number_bfloat16: return copy<csj::bfloat16>(data, shape, rank, buffer);
        case csj_number_float32: return copy<float>(data, shape, rank, buffer);
        case csj_number_float64: return copy<double>(data, shape, rank, buffer);
    }
    csj_copy_result result = {};
    result.reason = csj_copy_wrong_type;
    result.element = handle;
    return result;
}
