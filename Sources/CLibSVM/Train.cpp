#include "CLibSVM.h"

#include <mutex>
#include <new>

namespace {

struct Stopped {};

struct Run {
    cls_proceed proceed;
    void *context;
};

// libsvm has one print function for the process: it finds the run of its own thread here.
thread_local const Run *current = nullptr;

// libsvm prints a dot now and then: nothing is printed, but the solver can be left from here, through an exception.
void print(const char *) {
    if (current && !current->proceed(current->context)) throw Stopped();
}

}  // namespace

cls_status cls_train(
    const svm_problem *problem, const svm_parameter *parameter, cls_proceed proceed, void *context,
    svm_model **model) noexcept {
    static std::once_flag silenced;
    try {
        std::call_once(silenced, [] { svm_set_print_string_function(print); });
    } catch (...) {
        return cls_status_failed;
    }
    const Run run{proceed, context};
    const Run *const outer = current;
    current = &run;
    cls_status status = cls_status_ok;
    try {
        *model = svm_train(problem, parameter);
        if (!*model) status = cls_status_failed;
    } catch (const Stopped &) {
        status = cls_status_stopped;
    } catch (const std::bad_alloc &) {
        status = cls_status_out_of_memory;
    } catch (...) {
        status = cls_status_failed;
    }
    current = outer;
    return status;
}
