// Preloaded: a system without memory after BITNET_ALLOCATIONS calls of malloc and its like (glibc).
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

static atomic_long count;
static long most;  // 0: not asked yet

static int is_over(void) {
  if (most == 0) {
    const char* text = getenv("BITNET_ALLOCATIONS");
    most = text ? atol(text) : -1;
  }
  if (most < 0 || atomic_fetch_add(&count, 1) < most) return 0;
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t bytes) { return is_over() ? NULL : __libc_malloc(bytes); }
void* calloc(size_t n, size_t bytes) { return is_over() ? NULL : __libc_calloc(n, bytes); }
void* realloc(void* old, size_t bytes) { return is_over() ? NULL : __libc_realloc(old, bytes); }
void* memalign(size_t align, size_t bytes) { return is_over() ? NULL : __libc_memalign(align, bytes); }
void* aligned_alloc(size_t align, size_t bytes) { return memalign(align, bytes); }
int posix_memalign(void** out, size_t align, size_t bytes) {
  *out = memalign(align, bytes);
  return *out ? 0 : ENOMEM;
}
