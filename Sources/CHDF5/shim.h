#pragma once
#include <hdf5.h>

// Expression macros and version macros that Swift cannot import.
static inline hid_t millrace_h5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline unsigned millrace_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline hid_t millrace_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t millrace_h5_all(void) { return H5S_ALL; }
static inline hid_t millrace_h5_no_type(void) { return H5I_INVALID_HID; }

/// Opens a file image for reading; the library copies the bytes.
static inline hid_t millrace_h5_open_image(const void *bytes, size_t count) {
    if (bytes == NULL || count == 0) return -1;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0) return -1;
    hid_t file = -1;
    if (H5Pset_fapl_core(access, 1 << 20, 0) >= 0 && H5Pset_file_image(access, (void *)bytes, count) >= 0)
        file = H5Fopen("archived weights", H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

/// Stops the library from printing its error stack to the terminal.
static inline void millrace_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

/// A memory type for fixed-length strings of `size` bytes, or for variable-length ones when `size` is 0.
static inline hid_t millrace_h5_string_type(size_t size, H5T_cset_t character_set) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return type;
    if (H5Tset_size(type, size == 0 ? H5T_VARIABLE : size) < 0 || H5Tset_cset(type, character_set) < 0) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

/// 1: a hard link; 0: a link of another kind; -1: no such link.
static inline int millrace_h5_is_hard_link(hid_t location, const char *name) {
    if (H5Lexists(location, name, H5P_DEFAULT) <= 0) return -1;
    H5L_info_t info;
    if (H5Lget_info(location, name, &info, H5P_DEFAULT) < 0) return -1;
    return info.type == H5L_TYPE_HARD;
}

/// The number of filters of a dataset's pipeline that are neither deflate, shuffle nor fletcher32; -1 on failure.
static inline int millrace_h5_foreign_filters(hid_t creation_properties) {
    int count = H5Pget_nfilters(creation_properties);
    if (count < 0) return -1;
    int foreign = 0;
    for (int index = 0; index < count; index++) {
        unsigned flags = 0, configuration = 0;
        size_t elements = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(creation_properties, (unsigned)index, &flags, &elements, NULL, 0, NULL, &configuration);
        if (filter < 0) return -1;
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) foreign++;
    }
    return foreign;
}
