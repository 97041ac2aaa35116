// A plain C interface over simdjson's DOM parser: the numbers of a request body, straight into a typed buffer, and back.
//
// Every function is noexcept: failures are return values. An element borrows from its parser and is valid until the
// parser's next parse, shrink or destroy. A parser serves one thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CSJ_NOEXCEPT noexcept
#else
#define CSJ_NOEXCEPT
#endif

#if defined(__clang__)
#define CSJ_CLOSED_ENUM __attribute__((enum_extensibility(closed)))
#else
#define CSJ_CLOSED_ENUM
#endif

/// The largest rank that csj_copy_numbers accepts.
enum { CSJ_MAXIMUM_RANK = 16 };

typedef struct csj_parser csj_parser;

/// A value inside the parsed document.
typedef struct csj_element {
    uintptr_t words[2];
} csj_element;

/// A position between the elements of an array or the members of an object.
typedef struct csj_iterator {
    uintptr_t current[2];
    uintptr_t end[2];
} csj_iterator;

/// A string inside the parser: valid UTF-8, may contain NUL.
typedef struct csj_string {
    const char *bytes;
    size_t count;
} csj_string;

typedef enum CSJ_CLOSED_ENUM csj_status {
    csj_status_ok,
    csj_status_malformed,
    csj_status_not_utf8,
    csj_status_number,  // malformed, or an integer beyond 64 bits, or a real beyond double
    csj_status_too_deep,
    csj_status_too_large,
    csj_status_out_of_memory,
} csj_status;

typedef enum CSJ_CLOSED_ENUM csj_type {
    csj_type_null,
    csj_type_bool,
    csj_type_int64,
    csj_type_uint64,  // beyond int64 only
    csj_type_double,
    csj_type_string,
    csj_type_array,
    csj_type_object,
} csj_type;

/// The layout of a number buffer. float16 is IEEE 754 binary16, bfloat16 the upper half of binary32; bool one byte, 0 or 1.
typedef enum CSJ_CLOSED_ENUM csj_number {
    csj_number_bool,
    csj_number_uint8,
    csj_number_uint16,
    csj_number_uint32,
    csj_number_uint64,
    csj_number_int8,
    csj_number_int16,
    csj_number_int32,
    csj_number_int64,
    csj_number_float16,
    csj_number_bfloat16,
    csj_number_float32,
    csj_number_float64,
} csj_number;

typedef enum CSJ_CLOSED_ENUM csj_copy_reason {
    csj_copy_ok,
    csj_copy_wrong_type,    // neither a number (or boolean) nor a nested array where one belongs
    csj_copy_out_of_range,  // does not fit the number type
    csj_copy_fraction,      // a fraction for an integer type
    csj_copy_wrong_count,   // an array with more or fewer elements than its extent
    csj_copy_rank,          // a rank beyond CSJ_MAXIMUM_RANK
} csj_copy_reason;

typedef struct csj_copy_result {
    csj_copy_reason reason;
    size_t depth;                   // how many entries of path are set
    size_t path[CSJ_MAXIMUM_RANK];  // indices of the offending element, or of the array with the wrong count
    size_t found, expected;         // counts, for csj_copy_wrong_count
    csj_element element;            // the offending element, for the other reasons
} csj_copy_result;

/// NULL when memory runs out. Documents longer than maximum_bytes or nested deeper than maximum_depth are refused.
csj_parser *csj_parser_create(size_t maximum_bytes, size_t maximum_depth) CSJ_NOEXCEPT;
void csj_parser_destroy(csj_parser *parser) CSJ_NOEXCEPT;
/// Gives back the memory that a large document left behind.
void csj_parser_shrink(csj_parser *parser) CSJ_NOEXCEPT;
/// simdjson's words for the last failed parse; a static string.
const char *csj_parser_message(const csj_parser *parser) CSJ_NOEXCEPT;

/// Parses a whole document; the bytes are copied and need not outlive the call.
csj_status csj_parse(csj_parser *parser, const uint8_t *bytes, size_t count, csj_element *root) CSJ_NOEXCEPT;

csj_type csj_element_type(csj_element element) CSJ_NOEXCEPT;
/// The getters answer false, and leave the result alone, when the element is of another type.
bool csj_get_bool(csj_element element, bool *result) CSJ_NOEXCEPT;
bool csj_get_int64(csj_element element, int64_t *result) CSJ_NOEXCEPT;
bool csj_get_uint64(csj_element element, uint64_t *result) CSJ_NOEXCEPT;
bool csj_get_double(csj_element element, double *result) CSJ_NOEXCEPT;
bool csj_get_string(csj_element element, csj_string *result) CSJ_NOEXCEPT;

/// The first member of that name; false when there is none or the element is not an object.
bool csj_find_member(csj_element object, const char *key, size_t key_count, csj_element *result) CSJ_NOEXCEPT;
/// False when the element is neither an array nor an object.
bool csj_iterate(csj_element container, csj_iterator *iterator) CSJ_NOEXCEPT;
/// The next element of an array; false at the end.
bool csj_next_element(csj_iterator *iterator, csj_element *element) CSJ_NOEXCEPT;
/// The next member of an object, in document order, duplicates included; false at the end.
bool csj_next_member(csj_iterator *iterator, csj_string *key, csj_element *value) CSJ_NOEXCEPT;

/// Copies an array of numbers, flat in row-major order or nested exactly as `shape` says, into `buffer`, which has room
/// for the product of the extents. A scalar (rank 0) is a bare number or an array of one.
///
/// Floating-point types take any number that does not overflow them, rounded to nearest even, and the strings "NaN",
/// "Infinity" and "-Infinity". Integer types take integers in range, also written as 3.0; bool takes booleans, 0 and 1.
csj_copy_result csj_copy_numbers(
    csj_element data, csj_number type, const size_t *shape, size_t rank, void *buffer) CSJ_NOEXCEPT;

/// An upper bound of what csj_print_numbers writes for `count` numbers; SIZE_MAX when it overflows.
size_t csj_print_capacity(csj_number type, size_t count) CSJ_NOEXCEPT;
/// Writes `[1.0,0.25,…]`: the fewest digits that read back to the same bits, also through a double; NaN and infinities as
/// the strings above. Half-precision numbers are printed as the float32 of the same value. Returns the bytes written, 0
/// when they do not fit.
size_t csj_print_numbers(csj_number type, const void *numbers, size_t count, char *text, size_t capacity) CSJ_NOEXCEPT;

#ifdef __cplusplus
}
#endif
