// libFuzzer: any bytes as a model file.
#include <cstddef>
#include <cstdint>

#include "tests/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The reader may rely on the alignment of a mapping; libFuzzer's buffers have malloc's, which is
  // enough.
  const auto read =
      bitnet::testing::read_everything({reinterpret_cast<const std::byte*>(data), size});
  static_cast<void>(read);
  return 0;
}
