// Evaluating a token in a running conversation allocates nothing: counted by replacing operator
// new, in a program of its own.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "runtime/session.h"
#include "tests/small_models.h"

namespace {
std::atomic<int64_t> allocations{0};
}

void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace bitnet {
namespace {

TEST(Allocation, ATokenNeedsNone) {
  ModelOptions options;
  options.threads = 2;
  Model model = Model::load(small_model_files().path(kSmallModels[0]), options).value();
  Sequence sequence = model.sequence(200).value();
  std::vector<TokenRequest> requests(
      1, {.sequence = &sequence, .token = 5, .want = {.kind = Want::Kind::top, .k = 40}});
  std::vector<TokenResult> results;
  const int64_t at_first = allocations;
  ASSERT_TRUE(model.evaluate(requests, results));
  EXPECT_GT(allocations, at_first);  // this counter counts: results had to grow
  const int64_t before = allocations;
  for (int i = 0; i < 100; ++i) (void)model.evaluate(requests, results);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(sequence.length(), 101);
}

}  // namespace
}  // namespace bitnet
