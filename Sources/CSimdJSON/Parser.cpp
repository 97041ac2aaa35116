#include <new>

#include "Element.hpp"

using namespace simdjson;
using csj::bits;
using csj::unwrap;
using csj::wrap;

struct csj_parser {
    dom::parser dom;
    size_t maximum_bytes;
    size_t maximum_depth;
    error_code last = SUCCESS;

    csj_parser(size_t bytes, size_t depth) noexcept : dom(bytes), maximum_bytes(bytes), maximum_depth(depth) {}
};

namespace {
// Most requests fit; simdjson grows it on demand.
constexpr size_t initial_capacity = 4096;
}  // namespace

extern "C" csj_parser *csj_parser_create(size_t maximum_bytes, size_t maximum_depth) noexcept {
    // simdjson refuses a capacity below its minimum, even for shorter documents.
    const size_t capacity = maximum_bytes < initial_capacity ? initial_capacity : maximum_bytes;
    auto *parser = new (std::nothrow) csj_parser(capacity, maximum_depth);
    if (parser == nullptr) return nullptr;
    parser->maximum_bytes = maximum_bytes;
    if (parser->dom.allocate(initial_capacity, maximum_depth) != SUCCESS) {
        delete parser;
        return nullptr;
    }
    return parser;
}

extern "C" void csj_parser_destroy(csj_parser *parser) noexcept { delete parser; }

extern "C" void csj_parser_shrink(csj_parser *parser) noexcept {
    parser->dom = dom::parser(parser->dom.max_capacity());
    // Without memory here the next parse reports the failure: its own allocation then fails too.
    parser->last = parser->dom.allocate(initial_capacity, parser->maximum_depth);
}

extern "C" const char *csj_parser_message(const csj_parser *parser) noexcept { return error_message(parser->last); }

extern "C" csj_status csj_parse(csj_parser *parser, const uint8_t *bytes, size_t count, csj_element *root) noexcept {
    if (count > parser->maximum_bytes) {
        parser->last = CAPACITY;
        return csj_status_too_large;
    }
    dom::element element;
    parser->last = parser->dom.parse(bytes, count).get(element);
    switch (parser->last) {
        case SUCCESS: *root = wrap(element); return csj_status_ok;
        case UTF8_ERROR: return csj_status_not_utf8;
        case NUMBER_ERROR: return csj_status_number;
        case DEPTH_ERROR: return csj_status_too_deep;
        case CAPACITY: return csj_status_too_large;
        case MEMALLOC: return csj_status_out_of_memory;
        default: return csj_status_malformed;
    }
}

extern "C" csj_type csj_element_type(csj_element handle) noexcept {
    switch (unwrap(handle).type()) {
        case dom::element_type::ARRAY: return csj_type_array;
        case dom::element_type::OBJECT: return csj_type_object;
        case dom::element_type::INT64: return csj_type_int64;
        case dom::element_type::UINT64: return csj_type_uint64;
        case dom::element_type::DOUBLE: return csj_type_double;
        case dom::element_type::STRING: return csj_type_string;
        case dom::element_type::BOOL: return csj_type_bool;
        case dom::element_type::NULL_VALUE: return csj_type_null;
    }
    return csj_type_null;
}

extern "C" bool csj_get_bool(csj_element handle, bool *result) noexcept {
    return unwrap(handle).get_bool().get(*result) == SUCCESS;
}

extern "C" bool csj_get_int64(csj_element handle, int64_t *result) noexcept {
    return unwrap(handle).get_int64().get(*result) == SUCCESS;
}

extern "C" bool csj_get_uint64(csj_element handle, uint64_t *result) noexcept {
    return unwrap(handle).get_uint64().get(*result) == SUCCESS;
}

extern "C" bool csj_get_double(csj_element handle, double *result) noexcept {
    return unwrap(handle).get_double().get(*result) == SUCCESS;
}

extern "C" bool csj_get_string(csj_element handle, csj_string *result) noexcept {
    std::string_view text;
    if (unwrap(handle).get_string().get(text) != SUCCESS) return false;
    *result = {text.data(), text.size()};
    return true;
}

extern "C" bool csj_find_member(csj_element handle, const char *key, size_t key_count, csj_element *result) noexcept {
    dom::object object;
    if (unwrap(handle).get_object().get(object) != SUCCESS) return false;
    dom::element value;
    if (object.at_key(std::string_view(key, key_count)).get(value) != SUCCESS) return false;
    *result = wrap(value);
    return true;
}

namespace {
using Words = uintptr_t[2];

template <class Iterator>
Iterator load(const Words &words) noexcept {
    Iterator iterator;
    static_assert(sizeof(iterator) == sizeof(words), "the C interface mirrors simdjson's iterators");
    std::memcpy(static_cast<void *>(&iterator), words, sizeof(words));
    return iterator;
}

template <class Iterator>
void store(Iterator iterator, Words &words) noexcept {
    static_assert(sizeof(iterator) == sizeof(words), "the C interface mirrors simdjson's iterators");
    std::memcpy(words, &iterator, sizeof(words));
}
}  // namespace

extern "C" bool csj_iterate(csj_element handle, csj_iterator *iterator) noexcept {
    const dom::element element = unwrap(handle);
    dom::array array;
    if (element.get_array().get(array) == SUCCESS) {
        store(array.begin(), iterator->current);
        store(array.end(), iterator->end);
        return true;
    }
    dom::object object;
    if (element.get_object().get(object) != SUCCESS) return false;
    store(object.begin(), iterator->current);
    store(object.end(), iterator->end);
    return true;
}

extern "C" bool csj_next_element(csj_iterator *iterator, csj_element *element) noexcept {
    auto current = load<dom::array::iterator>(iterator->current);
    if (!(current != load<dom::array::iterator>(iterator->end))) return false;
    *element = wrap(*current);
    ++current;
    store(current, iterator->current);
    return true;
}

extern "C" bool csj_next_member(csj_iterator *iterator, csj_string *key, csj_element *value) noexcept {
    auto current = load<dom::object::iterator>(iterator->current);
    if (!(current != load<dom::object::iterator>(iterator->end))) return false;
    const std::string_view text = current.key();
    *key = {text.data(), text.size()};
    *value = wrap(current.value());
    ++current;
    store(current, iterator->current);
    return true;
}
