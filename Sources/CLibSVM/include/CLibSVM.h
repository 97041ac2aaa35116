// libsvm (Chang and Lin, 2011) with training that can be stopped and that reports memory running out.
#pragma once

#include <libsvm/svm.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#define CLS_NOEXCEPT noexcept
#else
#define CLS_NOEXCEPT
#endif

#if defined(__clang__)
#define CLS_CLOSED_ENUM __attribute__((enum_extensibility(closed)))
#else
#define CLS_CLOSED_ENUM
#endif

typedef enum CLS_CLOSED_ENUM cls_status {
    cls_status_ok,
    cls_status_stopped,
    cls_status_out_of_memory,
    cls_status_failed,
} cls_status;

/// Answers whether training goes on.
typedef bool (*cls_proceed)(void *context);

/// svm_train, which asks `proceed` every min(rows, 1000) iterations of the solver, on the calling thread. Stopping leaves a
/// few arrays of as many numbers as there are rows unfreed inside libsvm, the kernel cache is freed. What svm_check_parameter
/// refuses must not come in. `*model` is set on success only, and borrows the problem's nodes until it is freed.
cls_status cls_train(
    const struct svm_problem *problem, const struct svm_parameter *parameter, cls_proceed proceed, void *context,
    struct svm_model **model) CLS_NOEXCEPT;

#ifdef __cplusplus
}
#endif
