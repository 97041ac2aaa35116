#define _GNU_SOURCE
#include "CFuzzProcess.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

// The bounds of the 8-bit edge counters that -sanitize=fuzzer lays out; the linker defines them.
extern uint8_t __start___sancov_cntrs[] __attribute__((weak, visibility("hidden")));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak, visibility("hidden")));

// Part of the sanitizer runtime that is linked in.
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum { exit_library_failed = 101, exit_failed = 102, maximum_frames = 256 };

static uint8_t *shared_counters;
static size_t counter_count;

void fuzz_prepare_forking(void) {
    counter_count = (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs);
    void *memory = mmap(NULL, counter_count + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) shared_counters = memory;
    // The first call loads the unwinder, which a signal handler must not.
    void *frame;
    backtrace(&frame, 1);
}

// Whose frame is nearest to the top of the stack: libhdf5's or this program's. Frames of the sanitizer runtime are in
// this program too and have names of their own.
static int failing_exit_code(void) {
    void *frames[maximum_frames];
    int count = backtrace(frames, maximum_frames);
    for (int index = 2; index < count; index++) {
        Dl_info info;
        if (!dladdr(frames[index], &info) || !info.dli_fname) continue;
        if (strstr(info.dli_fname, "libhdf5")) return exit_library_failed;
        int is_library = strstr(info.dli_fname, ".so") != NULL;
        int is_sanitizer = info.dli_sname
            && (strstr(info.dli_sname, "sanitizer") || strstr(info.dli_sname, "asan") || strstr(info.dli_sname, "interceptor"));
        // A name is missing where the function is static: the runtime's interceptors export theirs, Swift code is exported
        // by -rdynamic or has no name; what is named here is ours.
        if (!is_library && !is_sanitizer && info.dli_sname && strncmp(info.dli_sname, "$s", 2) == 0) return exit_failed;
    }
    return exit_failed;
}

static void on_signal(int number) {
    (void)number;
    _exit(failing_exit_code());
}

static void on_death(void) { _exit(failing_exit_code()); }

static void run_child(void (*body)(void), unsigned seconds) {
    static uint8_t stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESETHAND};
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGALRM};
    for (size_t index = 0; index < sizeof signals / sizeof *signals; index++) sigaction(signals[index], &action, NULL);
    if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(on_death);
    alarm(seconds);
    memset(__start___sancov_cntrs, 0, counter_count);
    body();
    if (shared_counters) memcpy(shared_counters, __start___sancov_cntrs, counter_count);
    _exit(0);
}

fuzz_outcome fuzz_run_forked(void (*body)(void), unsigned seconds) {
    if (shared_counters) memset(shared_counters, 0, counter_count);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) run_child(body, seconds);
    if (child < 0) return fuzz_outcome_failed;
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {}
    if (shared_counters)
        for (size_t index = 0; index < counter_count; index++)
            if (shared_counters[index]) __start___sancov_cntrs[index] = shared_counters[index];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return fuzz_outcome_answered;
    if (WIFEXITED(status) && WEXITSTATUS(status) == exit_library_failed) return fuzz_outcome_library_failed;
    return fuzz_outcome_failed;
}
