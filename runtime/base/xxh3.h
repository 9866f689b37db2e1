// xxHash's XXH3 (Debian's libxxhash-dev), all of it inline, so that a cross build needs no library.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>
