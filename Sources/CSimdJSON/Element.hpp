// Elements cross the C interface as two words; these convert both ways.
#pragma once

#include <simdjson.h>

#include <cstring>
#include <type_traits>

#include "CSimdJSON.h"

namespace csj {

using simdjson::dom::element;

template <class To, class From>
inline To bits(const From &from) noexcept {
    static_assert(sizeof(To) == sizeof(From), "the C interface mirrors simdjson's handles");
    static_assert(std::is_trivially_copyable<To>::value && std::is_trivially_copyable<From>::value, "copied as bytes");
    To to;
    std::memcpy(static_cast<void *>(&to), &from, sizeof(To));
    return to;
}

inline element unwrap(csj_element handle) noexcept { return bits<element>(handle); }
inline csj_element wrap(element value) noexcept { return bits<csj_element>(value); }

}  // namespace csj
