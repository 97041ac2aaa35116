// Tells the thread sanitizer what Swift's Mutex does where it cannot look.
//
// On Linux, locking and unlocking without contention are atomic operations that the compiler emits into the caller, where
// the sanitizer sees them. With contention they are the two functions below, in libswiftSynchronization.so, which is not
// instrumented: the kernel hands the lock over, and the sanitizer takes whatever the lock guards for a race. A program's
// own definition of a function goes before a library's, so these are called instead; they call the library's and note
// what it guarantees. Nothing is suppressed, and the code under test is the code that ships.

#if !__has_feature(thread_sanitizer)
#error "only for builds with --sanitize=thread"
#endif

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// Synchronization._MutexHandle._lockSlow(UInt32) and ._unlockSlow(): `self` is the address of the lock's word, the argument
// the calling thread's id.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

#define SWIFTCALL __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef SWIFTCALL void (*LockSlow)(uint32_t thread, SELF lock);
typedef SWIFTCALL void (*UnlockSlow)(SELF lock);

static LockSlow library_lock;
static UnlockSlow library_unlock;

static void *library_function(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "CMutexAnnotations: libswiftSynchronization has no %s\n", name);
        abort();
    }
    return function;
}

// Before any thread is started, and as early as that: a toolchain with another Mutex is to be noticed.
__attribute__((constructor)) static void find_library_functions(void) {
    library_lock = (LockSlow)library_function(LOCK_SLOW);
    library_unlock = (UnlockSlow)library_function(UNLOCK_SLOW);
}

SWIFTCALL void annotated_lock(uint32_t thread, SELF lock) __asm__(LOCK_SLOW);
SWIFTCALL void annotated_lock(uint32_t thread, SELF lock) {
    library_lock(thread, lock);
    __tsan_acquire(lock);
}

SWIFTCALL void annotated_unlock(SELF lock) __asm__(UNLOCK_SLOW);
SWIFTCALL void annotated_unlock(SELF lock) {
    __tsan_release(lock);
    library_unlock(lock);
}
