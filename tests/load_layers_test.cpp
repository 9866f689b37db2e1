// Loading a model's layers: what is packed leaves the mapped file's memory, and only that.
#include "runtime/model/load_layers.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <mutex>

#include "runtime/base/mapped_file.h"
#include "runtime/model/problem_rows.h"
#include "tests/resident_pages.h"
#include "tests/small_models.h"

namespace bitnet {
namespace {

// Matrices of 64 pages of 4 KB and more: a page fault brings up to 16 at once.
constexpr SmallModel kModel = {"pages", "bitnet-b1.58", 1024,         2048, 8, 8, 128,
                               999,     GgmlType::i2_s, GgmlType::f16};

std::vector<ProblemKernels> reference_kernels(const ModelFile& model) {
  std::vector<ProblemKernels> kernels;
  const auto source = make_reference_source();
  for (const Problem& problem : model.problems()) kernels.push_back(*source->find(problem));
  return kernels;
}

std::vector<const TernaryMatrix*> matrices_of(const ModelFile& model) {
  std::vector<const TernaryMatrix*> all;
  for (const LayerTensors& t : model.layers)
    for (const TernaryMatrix* m : {&t.q, &t.k, &t.v, &t.output, &t.gate, &t.up, &t.down})
      all.push_back(m);
  return all;
}

std::span<const std::byte> embedding_of(const ModelFile& model) {
  return {reinterpret_cast<const std::byte*>(model.embedding.rows),
          static_cast<size_t>(model.embedding.n * model.embedding.row_bytes)};
}

unsigned sum_of(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte b : bytes) sum += static_cast<unsigned>(b);
  return sum;
}

class LoadLayers : public testing::TestWithParam<bool> {
 protected:
  // With float activations where the parameter says so.
  Result<std::vector<Layer>> load(const ModelFile& model, const std::function<bool()>& stop = {}) {
    if (GetParam()) return load_float_layers(model, reference_float_kernels(), pool_, stop);
    return load_layers(model, reference_kernels(model), reference_float_kernels(), pool_, {}, stop);
  }
  const std::string path_ = small_model_files().path(kModel);
  ThreadPool pool_ = ThreadPool::start(2).value();
};
INSTANTIATE_TEST_SUITE_P(Activations, LoadLayers, testing::Bool(),
                         [](const auto& info) { return info.param ? "floats" : "int8"; });

TEST_P(LoadLayers, StopsWhenItIsAsked) {
  const ModelFile model = ModelFile::open(path_).value();
  int asked = 0;
  const auto layers = load(model, [&] { return ++asked > 0; });
  ASSERT_FALSE(layers);
  EXPECT_EQ(layers.error().kind, Error::Kind::interrupted);
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(load(model, [] { return false; }));
}

TEST_P(LoadLayers, PackedTensorsLeaveTheFilesMemory) {
  const ModelFile model = ModelFile::open(path_).value();
  const std::vector<const TernaryMatrix*> matrices = matrices_of(model);
  unsigned before = sum_of(embedding_of(model));
  for (const TernaryMatrix* matrix : matrices) before += sum_of(matrix->data());
  if (!pages_of(embedding_of(model))) GTEST_SKIP() << "needs /proc/self/pagemap";
  for (const TernaryMatrix* matrix : matrices) {
    const Pages pages = pages_of(matrix->data()).value();
    ASSERT_GE(pages.whole, 2) << matrix->name();
    ASSERT_EQ(pages.resident, pages.whole) << matrix->name();
  }

  const auto layers = load(model);
  ASSERT_TRUE(layers) << layers.error().message;
  for (const TernaryMatrix* matrix : matrices) {
    const Pages pages = pages_of(matrix->data()).value();
    // A neighbour's page fault may bring some back at either end.
    EXPECT_LE(pages.resident, pages.whole / 2) << matrix->name();
  }
  const Pages kept = pages_of(embedding_of(model)).value();
  EXPECT_EQ(kept.resident, kept.whole);

  unsigned after = sum_of(embedding_of(model));
  for (const TernaryMatrix* matrix : matrices) after += sum_of(matrix->data());
  EXPECT_EQ(after, before);  // read again from the file
}

// A loader drops pages of files that it mapped itself. Bytes that the caller of parse() brought
// stay: an anonymous mapping would lose them.
TEST_P(LoadLayers, BytesGivenToParseStay) {
  const auto file = MappedFile::open(path_);
  ASSERT_TRUE(file);
  const size_t bytes = file->bytes().size();
  void* copy = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(copy, MAP_FAILED);
  std::memcpy(copy, file->bytes().data(), bytes);
  {
    const auto model = ModelFile::parse({static_cast<const std::byte*>(copy), bytes}, "copy.gguf");
    ASSERT_TRUE(model) << model.error().message;
    ASSERT_TRUE(load(*model));
    EXPECT_EQ(std::memcmp(copy, file->bytes().data(), bytes), 0);
  }
  munmap(copy, bytes);
}

TEST(PackWeights, SaysOnceThatAJobIsPackedHoweverManyCopiesItHas) {
  const ModelFile model = ModelFile::open(small_model_files().path(kModel)).value();
  std::vector<ProblemKernels> kernels = reference_kernels(model);
  for (ProblemKernels& of_problem : kernels) {  // a second packing for prompts
    ClassKernel& decode = of_problem.classes.front();
    ClassKernel prompt = decode;
    decode.m_max = 1;
    prompt.m_min = 2;
    prompt.packing_key += " again";
    of_problem.classes.push_back(prompt);
  }
  const std::vector<Problem> problems = model.problems();
  std::vector<PackedWeights> packed;
  std::vector<PackJob> jobs;
  for (size_t p = 0; p < problems.size(); ++p) {
    packed.emplace_back(kernels[p]);
    const ProblemRows rows = problem_rows(model.layers.front(), problems[p].kind);
    jobs.push_back(packed[p].job(problems[p], kernels[p], rows.weights(problems[p].group)));
  }
  for (const int threads : {1, 3}) {
    ThreadPool pool = ThreadPool::start(threads).value();
    std::mutex mutex;
    std::map<size_t, int> told;
    ASSERT_TRUE(pack_weights(pool, jobs, {.packed = [&](size_t job) {
                               const std::lock_guard lock(mutex);
                               ++told[job];
                             }}));
    EXPECT_EQ(told.size(), jobs.size());
    for (const auto& [job, times] : told) EXPECT_EQ(times, 1) << job;
    for (const PackedWeights& weights : packed) {
      ASSERT_EQ(weights.copies().size(), 2U);
      const AlignedBuffer &first = weights.copies()[0], &second = weights.copies()[1];
      ASSERT_EQ(first.bytes(), second.bytes());
      EXPECT_EQ(std::memcmp(first.data(), second.data(), first.bytes()), 0);
    }
  }
}

}  // namespace
}  // namespace bitnet
