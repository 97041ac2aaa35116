#pragma once
#include <hdf5.h>

// Expression macros that Swift cannot import.
static inline hid_t millrace_h5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t millrace_h5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t millrace_h5_file_access_default(void) { return H5P_DEFAULT; }
